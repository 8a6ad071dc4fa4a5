"""Charts as Vega-Lite specifications, built from shown figures only.

Belongs here: turning frames into specifications. Does not belong here: Streamlit, HTML. Every
builder is a pure function of a release and a choice, so its result is kept.

A chart has two parts. Its *look* (layers, scales, tooltips: what Altair makes, slowly) depends on
language, unit and the like, and is drawn once for all areas; the data are named in it. A builder
makes the frames of one area and fills the look with them (``theme.filled``), which is quick.
"""
