"""One client per kind of source.

Belongs here: reaching a source and bringing what it holds within reach, proven complete.
Does not belong here: what the data mean, and anything the restricted zone is made of.
"""
