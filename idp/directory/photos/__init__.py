"""Photos of people and companies.

``boundaries`` says where a picture's file ends, ``pictures`` makes of an uploaded file what is
kept (several sizes, without anything that the file told besides the picture), ``kept`` keeps it
beside its contact. Their public address is ``idp/photo_files.py``'s.
"""

from idp.directory.photos.kept import Photo, PhotoFile, file_of, keep, of, remove, token_of
from idp.directory.photos.pictures import (
    ACCEPTED,
    BIGGEST,
    LARGEST_FILE,
    SIZES,
    Picture,
    PicturesBusy,
    made,
)

__all__ = [
    "ACCEPTED",
    "BIGGEST",
    "LARGEST_FILE",
    "SIZES",
    "Photo",
    "PhotoFile",
    "Picture",
    "PicturesBusy",
    "file_of",
    "keep",
    "made",
    "of",
    "remove",
    "token_of",
]
