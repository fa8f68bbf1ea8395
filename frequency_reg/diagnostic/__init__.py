"""Diagnostics: what a trained model does on images, one file each."""
