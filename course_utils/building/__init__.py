"""From a lesson's text to its solved and released notebooks, and the rules that a lesson keeps."""
