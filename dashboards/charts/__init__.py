"""Charts as Vega-Lite specifications, built from shown figures only.

Belongs here: turning frames into specifications. Does not belong here: Streamlit, HTML. Every
builder is a pure function of a release and a choice, so its result is kept.
"""
