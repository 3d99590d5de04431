from __future__ import annotations

from soniquescan.extensions import AUDIO_EXTENSIONS, COMPANION_EXTENSIONS


def test_no_extension_is_both_audio_and_a_companion():
    assert not AUDIO_EXTENSIONS & COMPANION_EXTENSIONS
    assert {b".mka", b".shn", b".dts", b".au", b".caf", b".amr", b".ra"} < AUDIO_EXTENSIONS
    assert all(extension == extension.lower() and extension.startswith(b".") for extension in AUDIO_EXTENSIONS)
