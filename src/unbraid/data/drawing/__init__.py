"""Drawing small images: outlines, scan conversion, anti-aliasing, resizing."""
