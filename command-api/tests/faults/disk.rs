//! Disks that can be taken away, which needs the rights of root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A file system of its own, unmounted when it goes out of scope.
pub(crate) struct Mounted {
    pub(crate) at: PathBuf,
    image: Option<PathBuf>,
}

fn run(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

impl Mounted {
    /// An ext4 file system with these features in a file, journal and all; `None`, and a word about it, where
    /// this user cannot mount one.
    pub(crate) fn ext4(folder: &Path, features: &str) -> Option<Self> {
        let (image, at) = (folder.join("disk.img"), folder.join("disk"));
        fs::File::create(&image).unwrap().set_len(8 << 30).unwrap();
        fs::create_dir(&at).unwrap();
        let made = run("mkfs.ext4", &["-q", "-F", "-O", features, &image.display().to_string()]);
        assert!(made, "mkfs.ext4 makes a disk");
        let disk = Self { at, image: Some(image) };
        disk.mount().then_some(disk).or_else(not_allowed)
    }

    /// A file system in memory of so many MiB.
    pub(crate) fn of_mebibytes(folder: &Path, size: u32) -> Option<Self> {
        let at = folder.join("disk");
        fs::create_dir(&at).unwrap();
        let disk = Self { at, image: None };
        let (size, at) = (format!("size={size}m"), disk.at.display().to_string());
        run("mount", &["-t", "tmpfs", "-o", &size, "tmpfs", &at]).then_some(disk).or_else(not_allowed)
    }

    fn mount(&self) -> bool {
        let image = self.image.as_ref().expect("a disk in a file");
        run("mount", &["-o", "loop", &image.display().to_string(), &self.at.display().to_string()])
    }

    /// The power fails: nothing that was not synced reaches the disk, and nothing can be written any
    /// more (FS_IOC_SHUTDOWN without flushing the log).
    pub(crate) fn cut_the_power(&self) {
        let shutdown = "import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587D, struct.pack('I', 2))";
        assert!(run("python3", &["-c", shutdown, &self.at.display().to_string()]), "the power can be cut");
    }

    /// The power is back. Nobody may have a file open.
    pub(crate) fn come_back(&self) {
        assert!(run("umount", &[&self.at.display().to_string()]), "nobody has a file open");
        assert!(self.mount(), "the disk comes back");
    }
}

fn not_allowed() -> Option<Mounted> {
    eprintln!("not tried: this user cannot mount a file system");
    None
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // A test that failed may have left a process that holds it.
        let _ = run("umount", &["-l", &self.at.display().to_string()]);
    }
}
