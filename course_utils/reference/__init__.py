"""The answers, written from first principles; the functions are as short as their formulas."""

# Lessons that a release keeps from being read by accident (`course release --without-answers`).
__path__ = [*__path__, f"{__path__[0]}/sealed.zip"]
