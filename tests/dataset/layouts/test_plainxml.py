import pytest

from made_folders import write_text
from scanwright.dataset.layouts import plainxml
from scanwright.dataset.layouts.plainxml import read_xml
from scanwright.errors import UnreadableFile

LAUGHS = '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;">]><a>&c;</a>'


def test_elements_and_texts(tmp_path):
    root = read_xml(write_text(tmp_path / "a.xml", '<?xml version="1.0"?><a x="1">\n<b>ä &amp; ö</b></a>'))
    assert (root.tag, root.get("x"), root.findtext("b")) == ("a", "1", "ä & ö")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("text", [LAUGHS, '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "<!DOCTYPE a><a/>"])
def test_a_document_type_is_refused(tmp_path, text, encoding):
    (tmp_path / "a.xml").write_bytes(text.encode(encoding))
    with pytest.raises(UnreadableFile, match="document type"):
        read_xml(tmp_path / "a.xml")


@pytest.mark.parametrize(
    "data", [b"", b"<a>", b"<a></b>", b"<a>&b;</a>", b"\xff\xfe\x00", b'<?xml version="1.0" encoding="nope"?><a/>']
)
def test_what_is_no_xml(tmp_path, data):
    (tmp_path / "a.xml").write_bytes(data)
    with pytest.raises(UnreadableFile, match="not XML"):
        read_xml(tmp_path / "a.xml")


def test_too_large_and_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr(plainxml, "MAX_BYTES", 10)
    with pytest.raises(UnreadableFile, match="too large"):
        read_xml(write_text(tmp_path / "a.xml", "<a>1234567</a>"))
    with pytest.raises(UnreadableFile, match="cannot read"):
        read_xml(tmp_path / "b.xml")
