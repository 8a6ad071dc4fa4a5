"""What a municipality's profile says, on its page and as a PDF.

Belongs here: what to look at, what has changed since the last release, where marks lie on the
barometer's bars, and the printed profile. Does not belong here: HTML and Streamlit elements
(``views/municipality.py``), and computing figures: everything is read from published ones.
"""
