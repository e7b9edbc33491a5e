"""Seeing a class: pages, statistics and tables of grades."""
