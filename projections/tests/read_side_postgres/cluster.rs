//! A throw-away Postgres cluster from the installed binaries, behind a socket in a temporary folder.
//!
//! Every test is a process of its own and starting a cluster takes seconds, so they share one: the
//! first starts it, each holds a shared lock on `users` while it runs, and a small watcher removes
//! the cluster once nobody has held the lock for a while.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use uuid::Uuid;

/// A running cluster, for as long as this lives.
pub(crate) struct Cluster {
    folder: PathBuf,
    binaries: PathBuf,
    _user: Option<File>,
    /// Removed with this value, as nobody else uses it.
    private: bool,
    /// Whether it syncs as a server at work would.
    durable: bool,
}

impl Cluster {
    /// The one that all tests share.
    pub(crate) fn shared() -> Self {
        // Another version of the folder's owner must not be met.
        let folder = std::env::temp_dir().join("girok-tests-postgres");
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
        let lock = File::create(folder.join("lock")).unwrap();
        lock.lock().unwrap();
        let user = File::create(folder.join("users")).unwrap();
        user.lock_shared().unwrap();
        let cluster =
            Self { folder, binaries: binaries(), _user: Some(user), private: false, durable: false };
        if !cluster.answers() {
            cluster.create();
            cluster.start();
            cluster.watch();
        }
        cluster
    }

    /// One that can be stopped without harm to others.
    pub(crate) fn private() -> Self {
        Self::of_its_own(false)
    }

    /// One that syncs, for figures that mean something.
    #[allow(dead_code, reason = "only benchmarks use it")]
    pub(crate) fn durable() -> Self {
        Self::of_its_own(true)
    }

    fn of_its_own(durable: bool) -> Self {
        let folder = std::env::temp_dir().join(format!("girok-test-{}", Uuid::new_v4().simple()));
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
        let cluster = Self { folder, binaries: binaries(), _user: None, private: true, durable };
        cluster.create();
        cluster.start();
        cluster
    }

    /// A new database, by its URL.
    pub(crate) fn database(&self) -> String {
        let name = format!("test_{}", Uuid::new_v4().simple());
        let socket = self.folder.to_str().unwrap();
        done(self.run("createdb", &["--host", socket, "--username", "postgres", &name]));
        format!("postgres://postgres@localhost/{name}?host={socket}")
    }

    pub(crate) fn start(&self) {
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c max_connections=400 \
             -c shared_buffers=64MB {}",
            self.folder.display(),
            if self.durable { "" } else { "-c fsync=off -c full_page_writes=off -c autovacuum=off" }
        );
        let log = self.folder.join("log");
        let arguments = ["--pgdata", self.data(), "--wait", "--log", log.to_str().unwrap(), "--options"];
        done(self.run("pg_ctl", &[&arguments[..], &[&options, "start"]].concat()));
    }

    /// As a power cut would, but for the disk.
    pub(crate) fn stop(&self) {
        done(self.run("pg_ctl", &["--pgdata", self.data(), "--wait", "--mode", "immediate", "stop"]));
    }

    /// Sends a signal to the server and to everybody who works for it: `STOP` makes it hang.
    #[allow(dead_code, reason = "benchmarks let it run")]
    pub(crate) fn signal(&self, name: &str) {
        let pid = fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap();
        let pid = pid.lines().next().unwrap();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        let mut kill = Command::new("kill");
        let told = kill.arg(format!("-{name}")).arg(pid).args(children.split_whitespace()).status();
        assert!(told.unwrap().success());
    }

    fn create(&self) {
        let data = self.folder.join("data");
        if data.exists() {
            fs::remove_dir_all(&data).unwrap();
        }
        let arguments =
            ["--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--no-sync", "--pgdata"];
        done(self.run("initdb", &[&arguments[..], &[self.data()]].concat()));
    }

    fn data(&self) -> &str {
        // Named through the folder, so that it need not be kept.
        Box::leak(self.folder.join("data").into_boxed_path()).to_str().unwrap()
    }

    fn answers(&self) -> bool {
        let socket = self.folder.to_str().unwrap();
        self.run("pg_isready", &["--host", socket, "--quiet"]).status.success()
    }

    /// Leaves a process behind that ends the cluster when the tests are over.
    fn watch(&self) {
        let script = "cd \"$1\"; while sleep 3; do \
            exec 8>lock; flock 8; exec 9>users; \
            if flock --nonblock 9; then eval \"$2\"; rm -rf data log out-*; exit; fi; \
            exec 9>&-; exec 8>&-; done";
        let stop = format!(
            "{} '{}' --pgdata '{}' --wait --mode immediate stop",
            as_postgres().join(" "),
            self.binaries.join("pg_ctl").display(),
            self.data()
        );
        Command::new("setsid")
            .args(["--fork", "sh", "-c", script, "watcher", self.folder.to_str().unwrap(), &stop])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let program = self.binaries.join(program);
        let mut words = as_postgres();
        words.push(program.to_str().unwrap());
        words.extend(arguments);
        // A server that is left behind must not hold on to the pipes of a test.
        let output = File::create(self.folder.join(format!("out-{}", Uuid::new_v4().simple()))).unwrap();
        let status = Command::new(words[0])
            .args(&words[1..])
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .status()
            .unwrap();
        Output { status, stdout: Vec::new(), stderr: Vec::new() }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.private {
            let stop = ["--pgdata", self.data(), "--wait", "--mode", "immediate", "stop"];
            let _stopped = self.run("pg_ctl", &stop);
            let _removed = fs::remove_dir_all(&self.folder);
        }
    }
}

fn done(output: Output) {
    assert!(output.status.success(), "{}", output.status);
}

/// The server refuses to run as root.
fn as_postgres() -> Vec<&'static str> {
    let root = fs::metadata("/proc/self").map(|me| std::os::unix::fs::MetadataExt::uid(&me)).unwrap() == 0;
    if root { vec!["runuser", "-u", "postgres", "--"] } else { vec!["env"] }
}

/// The folder of the newest installed binaries.
fn binaries() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let installed = versions.map(|version| version.path().join("bin"));
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<PathBuf> = std::env::split_paths(&on_path).collect();
    let has_server = |folder: &PathBuf| Path::new(folder).join("initdb").exists();
    let newest = installed.filter(has_server).max();
    newest
        .or(on_path.into_iter().find(has_server))
        .expect("Postgres is installed: apt-get install postgresql")
}
