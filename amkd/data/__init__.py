"""Where images come from, how they are mixed, and the records that stand for them."""
