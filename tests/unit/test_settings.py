"""What is kept of a scan's settings."""

from __future__ import annotations

import json
import os

from soniquescan.settings import ScanSettings


def test_a_pattern_that_is_no_utf8_is_kept_as_paths_are():
    settings = ScanSettings((b"/music",), 2, exclude=("*.wav", os.fsdecode(b"\xff*")))
    document = json.loads(json.dumps(settings.document()))
    assert document["exclude"] == ["*.wav", "\uf7ff*"]
