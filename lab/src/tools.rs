//! Paths of the filter's module, of Envoy's binary and other tools, and of schemas.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::ensure;

/// The workspace's root directory.
#[must_use]
pub fn workspace() -> PathBuf {
    let lab = Path::new(env!("CARGO_MANIFEST_DIR"));
    lab.parent().unwrap_or(lab).to_owned()
}

/// The path of Envoy's binary: `ENVOY_BIN` when set, else the one that `make envoy` installs.
///
/// # Errors
///
/// When the file does not exist or is not executable.
pub fn envoy() -> anyhow::Result<PathBuf> {
    binary("Envoy", "ENVOY_BIN", "target/tools/envoy/envoy/_bin/envoy")
}

/// The path of Prometheus: `PROMETHEUS_BIN` when set, else the one that `make prometheus` finds.
///
/// # Errors
///
/// As [`envoy`].
pub fn prometheus() -> anyhow::Result<PathBuf> {
    let path = "target/tools/prometheus/bin/prometheus";
    binary("Prometheus", "PROMETHEUS_BIN", path)
}

/// The path of Alertmanager: `ALERTMANAGER_BIN` when set, else the one that `make alertmanager` finds.
///
/// # Errors
///
/// As [`envoy`].
pub fn alertmanager() -> anyhow::Result<PathBuf> {
    let path = "target/tools/prometheus-alertmanager/bin/prometheus-alertmanager";
    binary("Alertmanager", "ALERTMANAGER_BIN", path)
}

/// The path of promtool: `PROMTOOL_BIN` when set, else the one that `make prometheus` finds.
///
/// # Errors
///
/// As [`envoy`].
pub fn promtool() -> anyhow::Result<PathBuf> {
    let path = "target/tools/prometheus/bin/promtool";
    binary("promtool", "PROMTOOL_BIN", path)
}

/// The path of Valgrind: `VALGRIND_BIN` when set, else the one that `make cost` finds. `vgdb` is in the same directory.
///
/// # Errors
///
/// As [`envoy`].
pub fn valgrind() -> anyhow::Result<PathBuf> {
    let path = "target/tools/valgrind/bin/valgrind";
    binary("Valgrind", "VALGRIND_BIN", path)
}

/// The path of kubectl: `KUBECTL_BIN` when set, else the one that `make tools` installs.
///
/// # Errors
///
/// As [`envoy`].
pub fn kubectl() -> anyhow::Result<PathBuf> {
    binary("kubectl", "KUBECTL_BIN", "target/tools/kubectl/bin/kubectl")
}

/// The API server of custom resources: `API_SERVER_BIN` when set, else the one that `make api-server` builds.
///
/// # Errors
///
/// As [`envoy`].
pub fn api_server() -> anyhow::Result<PathBuf> {
    let path = "target/tools/api-server/api-server";
    binary("the API server", "API_SERVER_BIN", path)
}

/// The store of the API server: `ETCD_BIN` when set, else the one that `make api-server` finds.
///
/// # Errors
///
/// As [`envoy`].
pub fn etcd() -> anyhow::Result<PathBuf> {
    binary("etcd", "ETCD_BIN", "target/tools/etcd-server/bin/etcd")
}

/// The path of the filter's module: `HALFTONE_WASM` when set, else the one that `make build` writes.
///
/// # Errors
///
/// When the file does not exist.
pub fn module() -> anyhow::Result<PathBuf> {
    let path = named_or("HALFTONE_WASM", "target/halftone.wasm");
    ensure!(
        path.is_file(),
        "the filter is not at {}; build it with `make build`, or set HALFTONE_WASM",
        path.display()
    );
    Ok(path)
}

/// The path of the filter that crashes on a request with `x-halftone-trap`: `TRAP_WASM` when set, else the one that
/// `make trap` writes.
///
/// # Errors
///
/// If there is none.
pub fn trap_module() -> anyhow::Result<PathBuf> {
    let path = named_or("TRAP_WASM", "target/trap.wasm");
    ensure!(
        path.is_file(),
        "the filter that crashes is not at {}; build it with `make trap`, or set TRAP_WASM",
        path.display()
    );
    Ok(path)
}

/// The path of the filter that does nothing: `EMPTY_WASM` when set, else the one that `make empty` writes.
///
/// # Errors
///
/// When the file does not exist.
pub fn empty_module() -> anyhow::Result<PathBuf> {
    let path = named_or("EMPTY_WASM", "target/empty.wasm");
    ensure!(
        path.is_file(),
        "the empty filter is not at {}; build it with `make empty`, or set EMPTY_WASM",
        path.display()
    );
    Ok(path)
}

/// The path of the folder of schemas that `make schemas` fetches.
///
/// # Errors
///
/// When the folder does not exist.
pub fn schemas() -> anyhow::Result<PathBuf> {
    let path = workspace().join("target/tools/schemas");
    ensure!(
        path.is_dir(),
        "the schemas are not at {}; fetch them with `make schemas`",
        path.display()
    );
    Ok(path)
}

/// The path of a program: the value of `variable`, else `default`, where make puts the program.
fn binary(program: &str, variable: &str, default: &str) -> anyhow::Result<PathBuf> {
    let path = named_or(variable, default);
    ensure!(
        path.is_file(),
        "{program} is not at {}; install it with `make tools`, or set {variable}",
        path.display()
    );
    ensure!(
        executable(&path)?,
        "{} is not executable; make it so with `chmod +x`",
        path.display()
    );
    Ok(path)
}

/// An empty variable counts as unset.
fn named_or(variable: &str, default: &str) -> PathBuf {
    let named = env::var_os(variable).filter(|path| !path.is_empty());
    named.map_or_else(|| workspace().join(default), PathBuf::from)
}

fn executable(path: &Path) -> anyhow::Result<bool> {
    use std::os::unix::fs::PermissionsExt;

    Ok(path.metadata()?.permissions().mode() & 0o111 != 0)
}
