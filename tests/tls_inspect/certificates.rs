//! Certificates of every kind, made by the `openssl` command, once for all tests.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// The path of `NAME.pem`, `NAME.above` (what is sent behind it), `NAME.key`, `root.pem`, `dh1024.pem`.
pub fn file(name: &str) -> String {
    let path = DIRECTORY.join(name);
    assert!(path.exists(), "{name} was not made");
    path.to_str().unwrap().to_owned()
}

/// A certificate as it goes over the wire.
pub fn der(name: &str) -> Vec<u8> {
    let output = Command::new("openssl")
        .args([
            "x509",
            "-in",
            &file(&format!("{name}.pem")),
            "-outform",
            "DER",
        ])
        .output()
        .unwrap();
    assert!(output.status.success());
    output.stdout
}

static DIRECTORY: LazyLock<PathBuf> = LazyLock::new(|| {
    let directory =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("certificates-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    make(&directory);
    directory
});

const SERVER: &str = "subjectAltName=DNS:mx.example.test\nextendedKeyUsage=serverAuth\nauthorityInfoAccess=caIssuers;URI:http://ca.example.test/ca.cer\n";
const CA: &str = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n";

fn make(directory: &Path) {
    let maker = Maker(directory);
    maker.key("root", "EC:P-256");
    maker.own("root", "/CN=root.example.test", CA, &["-days", "3650"]);
    maker.key("rsaroot", "RSA:2048");
    maker.own(
        "rsaroot",
        "/CN=rsaroot.example.test",
        CA,
        &["-days", "3650"],
    );
    maker.key("middle", "EC:P-256");
    maker.signed(
        "middle",
        "/CN=middle.example.test",
        CA,
        "root",
        &["-days", "3650"],
    );
    maker.key("other", "EC:P-256");
    maker.own("other", "/CN=other.example.test", CA, &["-days", "3650"]);
    let roots = [maker.read("root.pem"), maker.read("rsaroot.pem")].concat();

    for (name, key) in [
        ("rsa1024", "RSA:1024"),
        ("rsa2048", "RSA:2048"),
        ("rsa3072", "RSA:3072"),
        ("rsa4096", "RSA:4096"),
        ("p256", "EC:P-256"),
        ("p384", "EC:P-384"),
        ("ed25519", "ED25519"),
        ("p521", "EC:P-521"),
        ("ed448", "ED448"),
        ("rsapss", "RSA-PSS:2048"),
        ("brainpool", "EC:brainpoolP256r1"),
        ("secp256k1", "EC:secp256k1"),
    ] {
        maker.key(name, key);
        maker.signed(
            name,
            "/CN=mx.example.test",
            SERVER,
            "root",
            &["-days", "90"],
        );
    }
    let leaf = |name: &str, extensions: &str, issuer: &str, more: &[&str]| {
        maker.key(name, "EC:P-256");
        maker.signed(name, "/CN=mx.example.test", extensions, issuer, more);
    };
    leaf(
        "wrongname",
        "subjectAltName=DNS:elsewhere.test\n",
        "root",
        &[],
    );
    leaf("cnonly", "extendedKeyUsage=serverAuth\n", "root", &[]);
    leaf(
        "wildcard",
        "subjectAltName=DNS:*.example.test\n",
        "root",
        &[],
    );
    leaf(
        "caleaf",
        "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign,digitalSignature\nsubjectAltName=DNS:mx.example.test\n",
        "root",
        &[],
    );
    leaf("client", "extendedKeyUsage=clientAuth\n", "root", &[]);
    leaf("chained", SERVER, "middle", &[]);
    leaf("unchained", SERVER, "middle", &[]);
    leaf("unknown", SERVER, "other", &[]);
    maker.append("chained", "middle");
    maker.append("unknown", "other");
    maker.key("expired", "EC:P-256");
    maker.dated("expired", SERVER, "20240101000000Z", "20250101000000Z");
    maker.key("young", "EC:P-256");
    maker.dated("young", SERVER, "21000101000000Z", "21010101000000Z");
    maker.key("selfsigned", "EC:P-256");
    maker.own(
        "selfsigned",
        "/CN=mx.example.test",
        SERVER,
        &["-days", "90"],
    );
    maker.key("expiredself", "EC:P-256");
    maker.dated("expiredself", SERVER, "20240101000000Z", "20250101000000Z");
    maker.key("sha1", "RSA:2048");
    maker.signed("sha1", "/CN=mx.example.test", SERVER, "rsaroot", &["-sha1"]);
    maker.key("version1", "RSA:2048");
    maker.signed("version1", "/CN=mx.example.test", "", "rsaroot", &[]);
    maker.openssl(&["dhparam", "-out", "dh1024.pem", "1024"]);
    std::fs::write(directory.join("root.pem"), roots).unwrap();
}

struct Maker<'a>(&'a Path);

impl Maker<'_> {
    fn openssl(&self, arguments: &[&str]) {
        let output = Command::new("openssl")
            .args(arguments)
            .current_dir(self.0)
            .output()
            .expect("openssl");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments:?}: {said}");
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).unwrap()
    }

    fn key(&self, name: &str, kind: &str) {
        std::fs::write(self.0.join(format!("{name}.above")), "").unwrap();
        let out = format!("{name}.key");
        let (algorithm, option) = kind.split_once(':').unwrap_or((kind, ""));
        let option = match algorithm {
            "RSA" | "RSA-PSS" => format!("rsa_keygen_bits:{option}"),
            _ => format!("ec_paramgen_curve:{option}"),
        };
        let mut arguments = vec!["genpkey", "-algorithm", algorithm, "-out", &out];
        if !algorithm.starts_with("ED") {
            arguments.extend(["-pkeyopt", &option]);
        }
        self.openssl(&arguments);
    }

    fn request(&self, name: &str, subject: &str) -> String {
        let request = format!("{name}.csr");
        self.openssl(&[
            "req",
            "-new",
            "-key",
            &format!("{name}.key"),
            "-subj",
            subject,
            "-out",
            &request,
        ]);
        request
    }

    fn own(&self, name: &str, subject: &str, extensions: &str, more: &[&str]) {
        let request = self.request(name, subject);
        std::fs::write(self.0.join("extensions"), extensions).unwrap();
        let (key, out) = (format!("{name}.key"), format!("{name}.pem"));
        let fixed = [
            "x509",
            "-req",
            "-in",
            &request,
            "-signkey",
            &key,
            "-out",
            &out,
            "-extfile",
            "extensions",
        ];
        self.openssl(&[&fixed[..], more].concat());
    }

    fn signed(&self, name: &str, subject: &str, extensions: &str, issuer: &str, more: &[&str]) {
        let request = self.request(name, subject);
        let (ca, key, out) = (
            format!("{issuer}.pem"),
            format!("{issuer}.key"),
            format!("{name}.pem"),
        );
        let mut arguments = vec![
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            &ca,
            "-CAkey",
            &key,
            "-CAcreateserial",
            "-out",
            &out,
        ];
        if !extensions.is_empty() {
            std::fs::write(self.0.join("extensions"), extensions).unwrap();
            arguments.extend(["-extfile", "extensions"]);
        }
        arguments.extend(more);
        self.openssl(&arguments);
    }

    /// Signed by the root between two dates; `expiredself` by itself.
    fn dated(&self, name: &str, extensions: &str, from: &str, until: &str) {
        let request = self.request(name, "/CN=mx.example.test");
        std::fs::write(self.0.join("extensions"), extensions).unwrap();
        std::fs::write(self.0.join("index.txt"), "").unwrap();
        let config = "[ca]\ndefault_ca=it\n[it]\ndatabase=index.txt\nnew_certs_dir=.\nrand_serial=yes\npolicy=any\ndefault_md=sha256\n[any]\ncommonName=supplied\n";
        std::fs::write(self.0.join("ca.cnf"), config).unwrap();
        let issuer = if name == "expiredself" { name } else { "root" };
        let (key, out) = (format!("{issuer}.key"), format!("{name}.pem"));
        let mut arguments = vec![
            "ca",
            "-batch",
            "-notext",
            "-config",
            "ca.cnf",
            "-in",
            &request,
            "-out",
            &out,
            "-startdate",
            from,
            "-enddate",
            until,
            "-extfile",
            "extensions",
            "-keyfile",
            &key,
        ];
        match name {
            "expiredself" => arguments.push("-selfsign"),
            _ => arguments.extend(["-cert", "root.pem"]),
        }
        self.openssl(&arguments);
    }

    /// Lets `name` be sent with its issuer behind it.
    fn append(&self, name: &str, issuer: &str) {
        std::fs::write(
            self.0.join(format!("{name}.above")),
            self.read(&format!("{issuer}.pem")),
        )
        .unwrap();
    }
}
