//! The text of one file with its path: reads it within bounds, and points into it. Does not parse.

use super::diagnostic::Diagnostic;
use super::nearest::nearest;
use serde_saphyr::Location;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Larger is no scenario, but a mistake.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

pub(super) struct Source {
    pub path: PathBuf,
    pub text: String,
    /// The file stands close to secrets, and somebody may have put one into it by mistake: of its lines only
    /// what a message points at is shown.
    pub confidential: bool,
}

impl Source {
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into(), confidential: false }
    }

    pub fn read(path: &Path) -> Result<Self, Diagnostic> {
        let trouble = |message: &str, help: String| Diagnostic::of_file(path, message, help);
        let metadata = fs::metadata(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => trouble("there is no such file", nearest_name_help(path)),
            _ => trouble("it cannot be read", error.to_string()),
        })?;
        if !metadata.is_file() {
            return Err(trouble("this is not a file", "name a YAML file".into()));
        }
        let mut bytes = Vec::new();
        // The bound holds for what is really read: the file may grow, and some have no honest length.
        fs::File::open(path)
            .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
            .map_err(|error| trouble("it cannot be read", error.to_string()))?;
        Self::from_bytes(path, bytes)
    }

    pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Result<Self, Diagnostic> {
        if bytes.len() as u64 > FILE_BYTES_MAX {
            let help = "a scenario takes a few hundred bytes; is this the right file?";
            return Err(Diagnostic::of_file(path, "the file is larger than 1 MiB", help));
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self::new(path, text)),
            Err(error) => {
                let valid_up_to = error.utf8_error().valid_up_to();
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                let before = text.get(..valid_up_to).unwrap_or("");
                let line = before.matches('\n').count() + 1;
                let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
                let message = "the file is not UTF-8 text: this byte is not valid there";
                let help = "save it as UTF-8";
                Err(Self::new(path, text).diagnostic(line, column, 1, message.into(), help.into()))
            }
        }
    }

    pub fn confidential(self) -> Self {
        Self { confidential: true, ..self }
    }

    /// A diagnostic that points at `location`; at the file as a whole when that is unknown.
    pub fn at(&self, location: Location, message: String, help: String) -> Diagnostic {
        let [line, column, width] =
            [location.line(), location.column(), location.span().len()].map(|n| n.try_into().unwrap_or(0));
        self.diagnostic(line, column, width, message, help)
    }

    fn diagnostic(
        &self,
        line: usize,
        column: usize,
        width: usize,
        message: String,
        help: String,
    ) -> Diagnostic {
        let mut diagnostic = Diagnostic::of_file(&self.path, message, help);
        if line == 0 {
            return diagnostic;
        }
        if let Some(source_line) = self.text.lines().nth(line - 1) {
            diagnostic.line = line;
            diagnostic.column = column.max(1);
            diagnostic.width = width;
            diagnostic.source_line = if self.confidential {
                only_the_place(source_line, diagnostic.column, width)
            } else {
                source_line.to_string()
            };
        } else if let Some((index, last)) =
            self.text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).last()
        {
            // The parser counts one line more than there is when it ran into the end: show the last one.
            diagnostic.line = index + 1;
            diagnostic.column = last.chars().count() + 1;
            diagnostic.source_line = if self.confidential { String::new() } else { last.to_string() };
        }
        diagnostic
    }
}

/// A line without what follows the place, and without other values before it.
fn only_the_place(line: &str, column: usize, width: usize) -> String {
    let before: String = line.chars().take(column - 1).collect();
    let place = line.chars().skip(column - 1).take(width.max(1));
    // With one colon, it is the place's own key that stands before it.
    let before = if before.matches(':').count() > 1 { " ".repeat(column - 1) } else { before };
    before.chars().chain(place).collect()
}

/// Names what is there instead of a path that does not exist.
pub(super) fn nearest_name_help(path: &Path) -> String {
    let folder = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => Path::new("/"),
    };
    let Ok(entries) = fs::read_dir(folder) else {
        return format!("there is no folder `{}` either", folder.display());
    };
    let names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let wanted = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let near = nearest(&wanted, names.iter().map(String::as_str));
    match near {
        Some(near) => format!("did you mean `{}`?", path.with_file_name(near).display()),
        None => format!("no name in `{}` is like it", folder.display()),
    }
}
