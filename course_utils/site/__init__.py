"""The course as a site to read: its lessons without answers, its mistakes, its documents."""
