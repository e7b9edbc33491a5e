"""The answers, written from first principles; the functions are as short as their formulas."""
