"""Files that people send: reading one upload, judging it by its content, cleaning pictures, keeping it sealed."""
