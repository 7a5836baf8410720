"""What can go wrong in here, as one small tree.

ModelsError
├── BundleError      a bundle's folder is missing, damaged, of another format or badly signed
├── PackError        a pack's file is missing or holds something it must not
├── InputError       a file given to a command is missing or holds a bad line
└── MissingExtraError  a command needs packages of the extra `train`
"""

from __future__ import annotations


class ModelsError(ValueError):
    """A person can mend it; the message says what, where and how."""


class BundleError(ModelsError):
    """A bundle cannot be used."""


class PackError(ModelsError):
    """A pack cannot be read."""


class InputError(ModelsError):
    """A file given to a command cannot be read."""


class MissingExtraError(ModelsError):
    """A package of the extra `train` is not installed."""

    def __init__(self, package: str) -> None:
        super().__init__(f"{package} is not installed: run pip install 'yingda-server[train]'")
