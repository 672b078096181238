//! The program, in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

pub(crate) struct Here {
    pub(crate) dir: tempfile::TempDir,
}

impl Here {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs `orderflow partners ARGS…`.
    pub(crate) fn partners(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_orderflow"))
            .arg("partners")
            .args(args)
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// The same, with its exit code and its standard output, or standard error if that is empty.
    pub(crate) fn says(&self, args: &[&str]) -> (i32, String) {
        let output = self.partners(args);
        let text = if output.stdout.is_empty() { &output.stderr } else { &output.stdout };
        (output.status.code().unwrap(), String::from_utf8(text.clone()).unwrap())
    }

    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let output = self.partners(&[args, &["--json"]].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{args:?}: {output:?}"))
    }
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn sample(path: &str) -> String {
    repository().join("samples").join(path).display().to_string()
}
