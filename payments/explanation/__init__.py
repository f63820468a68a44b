"""A payment in plain words, English and Swahili: texts and the choice among them, with no database behind it."""
