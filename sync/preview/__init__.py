"""What a group would be at Higher Logic after an edit, before anything is saved or sent.

Who joins and who leaves is ``idp.directory.difference``'s knowledge; who of them Higher Logic is
told of, and why others not, is ``scope``'s, by the same rule as a real run (Y17). Everything here
reads only, in a fixed number of statements for any number of contacts.
"""

from sync.preview.counting import Counts, counts
from sync.preview.listing import PAGE, Page, page
from sync.preview.who import LISTS, Who, concerned

__all__ = ["LISTS", "PAGE", "Counts", "Page", "Who", "concerned", "counts", "page"]
