//! The files that an agent needs where nothing else of this machine is: in a container of its own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// This program, `nft`, and the libraries of both, absolute.
pub async fn agent_files(exe: &Path) -> Result<Vec<PathBuf>, String> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    // Not every user has the folders of programs for administrators.
    let folders = std::env::split_paths(&folders).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    let nft = folders.map(|folder| folder.join("nft")).find(|path| path.is_file());
    let nft = nft.ok_or("there is no nft here; install nftables (Debian: apt install nftables)")?;
    let output = Command::new("ldd").arg(exe).arg(&nft).output().await;
    let output = output.map_err(|error| format!("cannot tell which libraries nft needs: ldd: {error}"))?;
    let mut files = libraries(&String::from_utf8_lossy(&output.stdout))?;
    files.extend([exe.to_owned(), nft]);
    Ok(files.into_iter().collect())
}

/// The paths in what `ldd` prints.
fn libraries(printed: &str) -> Result<BTreeSet<PathBuf>, String> {
    if let Some(line) = printed.lines().find(|line| line.contains("not found")) {
        return Err(format!("a library is missing: {}", line.trim()));
    }
    // A line that is no heading: a name, mostly `=>` and a path, and where it was loaded.
    let lines = printed.lines().filter(|line| line.starts_with(char::is_whitespace));
    Ok(lines
        .flat_map(str::split_whitespace)
        .filter(|word| word.starts_with('/'))
        .map(PathBuf::from)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_libraries_and_the_linker_once() {
        let printed = "/usr/sbin/nft:\n\tlinux-vdso.so.1 (0x00007f)\n\tlibc.so.6 => /lib/libc.so.6 (0x00007f)\n\
                       \t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n/bin/x:\n\tlibc.so.6 => /lib/libc.so.6 (0x00007f)\n";
        let found = libraries(printed).unwrap();
        assert_eq!(found, ["/lib/libc.so.6", "/lib64/ld-linux-x86-64.so.2"].map(PathBuf::from).into());
        assert!(libraries("\tlibmnl.so.0 => not found\n").unwrap_err().contains("libmnl"));
    }
}
