"""Interactive charts: each file turns a computed frame into a Vega-Lite chart; no statistics are made here."""
