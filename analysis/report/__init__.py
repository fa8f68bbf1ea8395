"""The report: its findings, tables, pictures and definitions, and the one HTML file that they become."""
