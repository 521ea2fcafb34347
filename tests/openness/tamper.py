"""A signed model and what can be done to it: every function of CASES leaves the place as somebody hostile would. What each does must be
found by hearth (test_sign.py) and by OpenSSF's own program (test_model_signing.py); those in OURS are found by hearth alone.

Keys, certificates and the signatures over statements that lie are made by the openssl program, so that nothing here rests on what is
tested."""

import base64
import hashlib
import json
import os
import shutil
import subprocess

CASES, OURS = [], []
TYPE = "application/vnd.in-toto+json"


def openssl(*arguments, data=None, cwd=None):
    made = subprocess.run(["openssl", *arguments], input=data, capture_output=True, cwd=cwd)
    assert made.returncode == 0, made.stderr.decode()
    return made.stdout


def make_key(path, curve="prime256v1"):
    openssl("ecparam", "-name", curve, "-genkey", "-noout", "-out", path)
    openssl("ec", "-in", path, "-pubout", "-out", path + ".pub")


_made = {}


def make_certificate(place, name, issuer=None, usage="digitalSignature", ca=False, curve="prime256v1", anew=False):
    """NAME.key and NAME.pem, issued by ISSUER or by itself; each made once and written again."""
    what = (name, issuer, usage, ca, curve)
    ends = (".key", ".key.pub", ".pem")
    if anew or what not in _made:
        _make_certificate(place, *what)
        files = {end: open(os.path.join(place, name + end), "rb").read() for end in ends}
        if not anew:
            _made[what] = files
    else:
        for end in ends:
            with open(os.path.join(place, name + end), "wb") as out:
                out.write(_made[what][end])


def _make_certificate(place, name, issuer, usage, ca, curve):
    key, request, extensions = (os.path.join(place, name + end) for end in (".key", ".csr", ".ext"))
    make_key(key, curve)
    with open(extensions, "w", encoding="utf-8") as out:
        out.write(f"basicConstraints=critical,CA:{'TRUE' if ca else 'FALSE'}\n" + (f"keyUsage={usage}\n" if usage else ""))
    openssl("req", "-new", "-key", key, "-subj", f"/CN={name}", "-out", request)
    by = ["-CA", os.path.join(place, issuer + ".pem"), "-CAkey", os.path.join(place, issuer + ".key"), "-CAcreateserial"] if issuer else ["-signkey", key]
    openssl("x509", "-req", "-in", request, *by, "-days", "10", "-extfile", extensions, "-out", os.path.join(place, name + ".pem"))


class Model:
    """A folder with a model, a key pair beside it, and its signature in it."""

    def __init__(self, place):
        self.place = place
        self.path = os.path.join(place, "a model ☃")
        self.signature = os.path.join(self.path, "model.sig")
        self.key, self.public = os.path.join(place, "key"), os.path.join(place, "key.pub")
        self.anchors = []  # certificates, where they are what is trusted
        for name, content in {"config.json": b'{"a": 1}', "model.safetensors": bytes(range(256)) * 20, "a/b": b"one", "a-b/c": b"two", "a.txt": b"six",
                              "tokenizer.json": b'{"b": 2}', "empty": b"", "deep/er/file": b"down here", ".gitignore": b"x"}.items():
            self.write(name, content)

    def at(self, name):
        return os.path.join(self.path, name)

    def read(self, name):
        with open(self.at(name), "rb") as file:
            return file.read()

    def write(self, name, content):
        os.makedirs(os.path.dirname(self.at(name)), exist_ok=True)
        with open(self.at(name), "wb") as out:
            out.write(content)

    def bundle(self):
        with open(self.signature, encoding="utf-8") as file:
            return json.load(file)

    def put_bundle(self, bundle):
        with open(self.signature, "w", encoding="utf-8") as out:
            json.dump(bundle, out)

    def statement(self):
        return json.loads(base64.b64decode(self.bundle()["dsseEnvelope"]["payload"]))

    def resign(self, statement, key=None, pae=None, digest="-sha256", kind=TYPE):
        """Puts a statement in, signed by the key itself: the signature is good, what it says is not."""
        bundle = self.bundle()
        payload = statement if isinstance(statement, bytes) else json.dumps(statement).encode()
        signed = pae(payload) if pae else b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
        made = openssl("dgst", digest, "-sign", key or self.key, data=signed)
        bundle["dsseEnvelope"] = {"payload": base64.b64encode(payload).decode(), "payloadType": kind,
                                  "signatures": [{"sig": base64.b64encode(made).decode(), "keyid": ""}]}
        self.put_bundle(bundle)

    def sign_anew(self, statement_of=lambda s: s):
        """A statement over what is there now: for cases in which the files agree with it."""
        statement = self.statement()
        for resource in statement["predicate"]["resources"]:
            if os.path.exists(self.at(resource["name"])):
                resource["digest"] = hashlib.sha256(self.read(resource["name"])).hexdigest()
        set_root(statement)
        self.resign(statement_of(statement))

    def certify(self, *chain, anchors=("root",)):
        """Signs anew with a certificate of `place`, whose name is the first."""
        bundle = self.bundle()
        der = [openssl("x509", "-in", os.path.join(self.place, name + ".pem"), "-outform", "DER") for name in chain]
        bundle["verificationMaterial"] = {"x509CertificateChain": {"certificates": [{"rawBytes": base64.b64encode(one).decode()} for one in der]}, "tlogEntries": []}
        self.put_bundle(bundle)
        self.anchors = [os.path.join(self.place, name + ".pem") for name in anchors]
        self.resign(self.statement(), key=os.path.join(self.place, chain[0] + ".key"))


def set_root(statement):
    whole = b"".join(bytes.fromhex(r["digest"]) for r in statement["predicate"]["resources"])
    statement["subject"][0]["digest"]["sha256"] = hashlib.sha256(whole).hexdigest()


def case(function):
    CASES.append(function)
    return function


def ours(function):
    OURS.append(function)
    return function


# ---- the files


@case
def a_byte_of_the_weights(m):
    old = m.read("model.safetensors")
    m.write("model.safetensors", old[:4000] + bytes([old[4000] ^ 1]) + old[4001:])


@case
def the_last_byte_cut_off(m):
    m.write("model.safetensors", m.read("model.safetensors")[:-1])


@case
def a_byte_more(m):
    m.write("config.json", m.read("config.json") + b"\n")


@case
def two_files_change_places(m):
    one, other = m.read("config.json"), m.read("tokenizer.json")
    m.write("config.json", other)
    m.write("tokenizer.json", one)


@case
def a_file_renamed(m):
    os.rename(m.at("a.txt"), m.at("b.txt"))


@case
def a_name_in_other_letters(m):
    os.rename(m.at("config.json"), m.at("Config.json"))


@case
def a_name_with_a_blank_behind(m):
    os.rename(m.at("a.txt"), m.at("a.txt "))


@case
def a_file_added(m):
    m.write("new.py", b"print('hello')")


@case
def an_empty_file_added(m):
    m.write("__init__.py", b"")


@case
def a_hidden_file_added(m):
    m.write(".hidden", b"x")


@case
def a_file_added_in_a_folder(m):
    m.write("a/new", b"x")


@case
def a_file_added_in_a_new_folder(m):
    m.write("x/y/z", b"x")


@case
def a_copy_of_the_signature_added(m):
    shutil.copy(m.signature, m.at("other.sig"))


@case
def gits_file_in_another_folder(m):
    m.write("a/.gitignore", b"x")


@case
def a_file_removed(m):
    os.remove(m.at("tokenizer.json"))


@case
def the_empty_file_removed(m):
    os.remove(m.at("empty"))


@case
def a_folder_removed(m):
    shutil.rmtree(m.at("deep"))


@case
def a_file_emptied(m):
    m.write("a.txt", b"")


@case
def a_file_moved(m):
    os.rename(m.at("a/b"), m.at("a-b/b"))


@case
def a_file_that_is_a_folder_now(m):
    os.remove(m.at("a.txt"))
    m.write("a.txt/a.txt", b"six")


@case
def a_file_that_is_a_link_to_the_same_bytes(m):
    os.rename(m.at("a.txt"), os.path.join(m.place, "elsewhere"))
    os.symlink(os.path.join(m.place, "elsewhere"), m.at("a.txt"))


@case
def a_link_added(m):
    os.symlink("a.txt", m.at("again.txt"))


@case
def a_link_to_nothing(m):
    os.symlink("nowhere", m.at("again.txt"))


@case
def a_link_to_a_folder(m):
    os.symlink("a", m.at("again"))


@case
def a_link_that_leaves_the_model(m):
    os.symlink("/etc", m.at("deep/etc"))


@case
def a_pipe_added(m):
    os.mkfifo(m.at("pipe"))


# ---- the bundle, by somebody without the key


def edit(change):
    def function(m):
        bundle = m.bundle()
        change(bundle)
        m.put_bundle(bundle)
    return function


def payload_edit(change):
    """Another statement under the old signature."""
    def function(m):
        bundle, statement = m.bundle(), m.statement()
        change(statement)
        bundle["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
        m.put_bundle(bundle)
    return function


def named(name, function, into=CASES):
    function.__name__ = name
    into.append(function)


def swap_digests(statement):
    one, other = statement["predicate"]["resources"][:2]
    one["digest"], other["digest"] = other["digest"], one["digest"]
    set_root(statement)


def flip_signature(bundle):
    raw = bytearray(base64.b64decode(bundle["dsseEnvelope"]["signatures"][0]["sig"]))
    raw[-1] ^= 1
    bundle["dsseEnvelope"]["signatures"][0]["sig"] = base64.b64encode(raw).decode()


named("a digest changed in the statement", payload_edit(lambda s: s["predicate"]["resources"][0].update(digest="0" * 64)))
named("a file taken out of the statement", payload_edit(lambda s: s["predicate"]["resources"].pop()))
named("digests swapped in the statement", payload_edit(swap_digests))
named("a path to ignore put into the statement", payload_edit(lambda s: s["predicate"]["serialization"].update(ignore_paths=["a.txt"])))
named("a blank more in the statement", payload_edit(lambda s: s.update(x=" ")))
named("a bit of the signature", edit(flip_signature))
named("an empty signature", edit(lambda b: b["dsseEnvelope"]["signatures"][0].update(sig="")))
named("no signature", edit(lambda b: b["dsseEnvelope"].update(signatures=[])))
named("a false signature before the good one", edit(lambda b: b["dsseEnvelope"]["signatures"].insert(0, {"sig": "MAYCAQECAQE=", "keyid": ""})))
named("zeros as a signature", edit(lambda b: b["dsseEnvelope"]["signatures"][0].update(sig="MAYCAQACAQA=")))
named("another payloadType", edit(lambda b: b["dsseEnvelope"].update(payloadType="application/json")))
named("another mediaType", edit(lambda b: b.update(mediaType="application/vnd.dev.sigstore.bundle.v0.2+json")))
named("no mediaType", edit(lambda b: b.pop("mediaType")))
named("another key's hint", edit(lambda b: b["verificationMaterial"]["publicKey"].update(hint="0" * 64)))
named("a hint that is a number", edit(lambda b: b["verificationMaterial"]["publicKey"].update(hint=7)))
named("an unknown key in the bundle", edit(lambda b: b.update(more=1)))
named("an unknown key beside the public key", edit(lambda b: b["verificationMaterial"].update(more={})))
named("an unknown key in the public key", edit(lambda b: b["verificationMaterial"]["publicKey"].update(more="x")))
named("an unknown key in the envelope", edit(lambda b: b["dsseEnvelope"].update(more=[])))
named("an unknown key in the signature", edit(lambda b: b["dsseEnvelope"]["signatures"][0].update(more=None)))
named("no envelope", edit(lambda b: b.pop("dsseEnvelope")))
named("nothing to verify by", edit(lambda b: b.pop("verificationMaterial")))
named("a payload that is no base64", edit(lambda b: b["dsseEnvelope"].update(payload="a")))
named("signatures that are an object", edit(lambda b: b["dsseEnvelope"].update(signatures={})))


@case
def half_a_bundle(m):
    with open(m.signature, "r+b") as file:
        file.truncate(os.path.getsize(m.signature) // 2)


@case
def an_empty_bundle(m):
    m.write("model.sig", b"")


@case
def a_bundle_that_is_no_JSON(m):
    m.write("model.sig", b"\x00\x01\x02" * 100)


@case
def the_signature_of_another_model(m):
    statement = m.statement()
    statement["predicate"]["resources"][0]["digest"] = hashlib.sha256(b"another").hexdigest()
    set_root(statement)
    m.resign(statement)


@case
def signed_by_somebody_else_with_the_right_hint(m):
    make_key(os.path.join(m.place, "other"))
    m.resign(m.statement(), key=os.path.join(m.place, "other"))


@case
def everything_by_somebody_else(m):
    """What a thief would give away: whole, and by a key that nobody trusts."""
    make_key(os.path.join(m.place, "other"))
    m.write("a.txt", b"evil")
    with open(os.path.join(m.place, "other.pub"), "rb") as pem:
        hint = hashlib.sha256(pem.read()).hexdigest()
    edit(lambda b: b["verificationMaterial"]["publicKey"].update(hint=hint))(m)
    m.key, old = os.path.join(m.place, "other"), m.key
    m.sign_anew()
    m.key = old


# ---- what is signed must be what the format says, too


def resigned(change, **how):
    def function(m):
        statement = m.statement()
        change(statement)
        m.resign(statement, **how)
    return function


def resources(change):
    def edited(statement):
        change(statement["predicate"]["resources"])
        set_root(statement)
    return resigned(edited)


named("the signature is over the payload alone", resigned(lambda s: None, pae=lambda p: p))
named("the signature is over another length", resigned(lambda s: None, pae=lambda p: b"DSSEv1 28 %s %d %s" % (TYPE.encode(), len(p) + 1, p)))
named("the signature is over another type", resigned(lambda s: None, pae=lambda p: b"DSSEv1 16 application/json %d %s" % (len(p), p)))
named("the signature is over another version", resigned(lambda s: None, pae=lambda p: b"DSSEv2 28 %s %d %s" % (TYPE.encode(), len(p), p)))
named("the signature is over another hash", resigned(lambda s: None, digest="-sha512"))
named("a payload of another type signed", resigned(lambda s: None, kind="application/json"))
named("another root", resigned(lambda s: s["subject"][0]["digest"].update(sha256="0" * 64)))
named("no root", resigned(lambda s: s["subject"][0].update(digest={})))
named("two subjects", resigned(lambda s: s["subject"].append(s["subject"][0])))
named("no subject", resigned(lambda s: s.update(subject=[])))
named("another statement type", resigned(lambda s: s.update(_type="https://in-toto.io/Statement/v0.1")))
named("another predicate type", resigned(lambda s: s.update(predicateType="https://slsa.dev/provenance/v1")))
named("no predicate", resigned(lambda s: s.pop("predicate")))
named("an unknown way of hashing", resigned(lambda s: s["predicate"]["serialization"].update(method="lines")))
named("no way of hashing", resigned(lambda s: s["predicate"].pop("serialization")))
named("a digest that is no number", resigned(lambda s: s["predicate"]["resources"][0].update(digest="zz")))
named("a name that leaves the model", resources(lambda r: r[0].update(name="../key")))
named("a name from the root", resources(lambda r: r[0].update(name="/etc/hostname")))
named("a name with a dot in it", resources(lambda r: r.append({**r[0], "name": "a/../other"})))
named("a file that is not there", resources(lambda r: r.append({**r[0], "name": "new"})))
named("the same file twice, differently", resources(lambda r: r.append({**r[0], "digest": "0" * 64})))
named("no files", resources(lambda r: r.clear()))
named("the digests of two files swapped", resigned(swap_digests))
named("a statement that is a list", lambda m: m.resign(b"[]"))
named("a statement that is no JSON", lambda m: m.resign(b"{"))


@case
def a_key_on_another_curve(m):
    make_key(os.path.join(m.place, "koblitz"), "secp256k1")
    m.resign(m.statement(), key=os.path.join(m.place, "koblitz"))
    m.public = os.path.join(m.place, "koblitz.pub")


@case
def a_key_of_another_kind(m):
    m.public = os.path.join(m.place, "rsa.pub")
    openssl("genrsa", "-out", m.public + ".key", "2048")
    openssl("rsa", "-in", m.public + ".key", "-pubout", "-out", m.public)


# ---- certificates


@case
def a_chain_to_another_root(m):
    make_certificate(m.place, "root", ca=True, usage="keyCertSign")
    make_certificate(m.place, "stranger", ca=True, usage="keyCertSign")
    make_certificate(m.place, "leaf", issuer="stranger")
    m.certify("leaf", "stranger")


@case
def a_root_of_the_same_name(m):
    make_certificate(m.place, "root", ca=True, usage="keyCertSign")
    os.rename(os.path.join(m.place, "root.pem"), os.path.join(m.place, "trusted.pem"))
    make_certificate(m.place, "root", ca=True, usage="keyCertSign", anew=True)
    make_certificate(m.place, "leaf", issuer="root", usage="digitalSignature,nonRepudiation")
    m.certify("leaf", "root", anchors=("trusted",))


@case
def a_certificate_by_itself(m):
    make_certificate(m.place, "root", ca=True, usage="keyCertSign")
    make_certificate(m.place, "leaf")
    m.certify("leaf")


@case
def a_certificate_that_is_not_for_signing(m):
    make_certificate(m.place, "root", ca=True, usage="keyCertSign")
    make_certificate(m.place, "leaf", issuer="root", usage="keyEncipherment")
    m.certify("leaf")


@case
def a_certificate_that_says_no_use(m):
    make_certificate(m.place, "root", ca=True, usage="keyCertSign")
    make_certificate(m.place, "leaf", issuer="root", usage=None)
    m.certify("leaf")


@case
def a_certificate_of_another_key(m):
    make_certificate(m.place, "root", ca=True, usage="keyCertSign")
    make_certificate(m.place, "leaf", issuer="root")
    make_certificate(m.place, "other", issuer="root")
    m.certify("leaf")
    m.resign(m.statement(), key=os.path.join(m.place, "other.key"))


@case
def a_certificate_issued_by_one_that_may_not(m):
    make_certificate(m.place, "root", ca=True, usage="keyCertSign")
    make_certificate(m.place, "honest", issuer="root")
    make_certificate(m.place, "leaf", issuer="honest")
    m.certify("leaf", "honest")


@case
def a_link_of_the_chain_missing(m):
    make_certificate(m.place, "root", ca=True, usage="keyCertSign")
    make_certificate(m.place, "between", issuer="root", ca=True, usage="keyCertSign")
    make_certificate(m.place, "leaf", issuer="between")
    m.certify("leaf")


@case
def no_certificates(m):
    make_certificate(m.place, "root", ca=True, usage="keyCertSign")
    make_certificate(m.place, "leaf", issuer="root")
    m.certify("leaf")
    edit(lambda b: b["verificationMaterial"]["x509CertificateChain"].update(certificates=[]))(m)


@case
def a_certificate_that_is_none(m):
    make_certificate(m.place, "root", ca=True, usage="keyCertSign")
    make_certificate(m.place, "leaf", issuer="root")
    m.certify("leaf")
    edit(lambda b: b["verificationMaterial"]["x509CertificateChain"]["certificates"][0].update(rawBytes="MAA="))(m)


@case
def an_unknown_key_beside_a_certificate(m):
    make_certificate(m.place, "root", ca=True, usage="keyCertSign")
    make_certificate(m.place, "leaf", issuer="root")
    m.certify("leaf")
    edit(lambda b: b["verificationMaterial"]["x509CertificateChain"]["certificates"][0].update(more=1))(m)


@case
def certificates_where_a_key_is_asked_for(m):
    make_certificate(m.place, "root", ca=True, usage="keyCertSign")
    make_certificate(m.place, "leaf", issuer="root")
    m.certify("leaf")
    m.anchors = []


# ---- what the format's own program lets pass


@ours
def weights_that_the_signature_leaves_out(m):
    """Signed so by the key's owner, perhaps in good faith; what lies there now is anybody's."""
    m.write("model.safetensors", b"evil")
    statement = m.statement()
    statement["predicate"]["serialization"].setdefault("ignore_paths", []).append("model.safetensors")
    statement["predicate"]["resources"] = [r for r in statement["predicate"]["resources"] if r["name"] != "model.safetensors"]
    set_root(statement)
    m.resign(statement)


@ours
def a_folder_that_the_signature_leaves_out(m):
    statement = m.statement()
    statement["predicate"]["serialization"].setdefault("ignore_paths", []).append("code")
    m.resign(statement)
    m.write("code/modeling.py", b"evil")


def ignoring(path):
    return resigned(lambda s: s["predicate"]["serialization"].setdefault("ignore_paths", []).append(path))


named("everything is left out", ignoring("."), OURS)
named("what is above is left out", ignoring(".."), OURS)
named("a path from the root is left out", ignoring("/"), OURS)
named("a path that is a number is left out", ignoring(7), OURS)
named("the same file twice, the right one last", resources(lambda r: r.insert(0, {**r[0], "digest": "0" * 64})), OURS)
named("the same file twice, alike", resources(lambda r: r.append(dict(r[0]))), OURS)
named("a digest in capitals", resigned(lambda s: s["predicate"]["resources"][0].update(digest=s["predicate"]["resources"][0]["digest"].upper())), OURS)
named("two signatures", edit(lambda b: b["dsseEnvelope"]["signatures"].append(b["dsseEnvelope"]["signatures"][0])), OURS)
named("entries of a log beside a key", edit(lambda b: b["verificationMaterial"].update(tlogEntries=[{}])), OURS)
named("the encoding of version 0.2", resigned(lambda s: None, pae=lambda p: f"DSSEV1 {len(TYPE)} {TYPE} {len(p)} {p}".encode()), OURS)


@ours
def a_key_twice_in_the_bundle(m):
    text = json.dumps(m.bundle())
    m.write("model.sig", (text[:-1] + ', "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json"}').encode())
