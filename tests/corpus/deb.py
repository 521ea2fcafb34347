"""Debian packages for tests: ar archives of two tar archives, as dpkg-deb makes them."""

import gzip
import hashlib
import io
import lzma
import tarfile

FORMAT = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"
FREE = FORMAT + "Files: *\nCopyright: 2020 Somebody\nLicense: GPL-2+\n"


def tar(files, pack):
    """Files by name: bytes, a text, or ("link", target)."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT) as out:
        for name, content in files.items():
            info = tarfile.TarInfo("./" + name)
            info.mtime = 1700000000
            if isinstance(content, tuple):
                info.type, info.linkname = tarfile.SYMTYPE, content[1]
                out.addfile(info)
                continue
            data = content.encode() if isinstance(content, str) else content
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    return pack(made.getvalue())


def member(name, data):
    return f"{name:<16}{1700000000:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode() + data + b"\n" * (len(data) % 2)


def deb(name, version, files, control="", copyright_file=FREE, pack=lzma.compress):
    fields = f"Package: {name}\nVersion: {version}\nArchitecture: all\n{control}"
    files = dict(files)
    if copyright_file is not None:
        files[f"usr/share/doc/{name}/copyright"] = copyright_file
    ending = ".xz" if pack is lzma.compress else ".gz" if pack is gzip.compress else ""
    return (b"!<arch>\n" + member("debian-binary", b"2.0\n") + member("control.tar" + ending, tar({"control": fields}, pack)) +
            member("data.tar" + ending, tar(files, pack)))


def file_name(name, version):
    return f"{name}_{version.replace(':', '%3a')}_all.deb"


def line(name, version, data):
    pool = f"pool/main/{name[0]}/{name}/{name}_{version.split(':')[-1]}_all.deb"
    return f"{name} {version} all {len(data)} {hashlib.sha256(data).hexdigest()} {pool}\n"
