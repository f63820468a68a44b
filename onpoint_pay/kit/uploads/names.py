"""The names of files as people gave them: judged, and cleaned to be shown. Never a path."""

import unicodedata

from onpoint_pay.kit.uploads.refusal import FileRefused

LONGEST = 255
SHOWN = 100


def check_name(name: str) -> str:
    """Raises FileRefused for a name that no file picker makes: a path, hidden letters, or letters that turn others."""
    hidden = any(unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for letter in name)
    if hidden or "/" in name or "\\" in name or name.strip(". ") == "" or len(name) > LONGEST:
        raise FileRefused("name_not_accepted", "The name of the file is no plain name.", next_step="Rename the file.")
    return name


def shown_name(name: str, extension: str) -> str:
    """The name as people see it, ending in what the file truly is."""
    composed = " ".join(unicodedata.normalize("NFC", name).split())
    stem = composed.rpartition(".")[0] if "." in composed else composed
    stem = "".join(letter if _is_plain(letter) else "_" for letter in stem)
    return f"{stem[:SHOWN].strip(' .') or 'document'}.{extension}"


def _is_plain(letter: str) -> bool:
    """Letters, marks and digits of any script, and what is harmless in a page or a header."""
    return unicodedata.category(letter)[0] in "LMN" or letter in " ._-()&+,"
