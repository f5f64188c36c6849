//! Lists kept in one text: entries between line feeds.

/// Takes a stored list apart.
pub(crate) fn split(text: &str) -> Vec<String> {
    text.split('\n').filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Puts a list together as it is stored.
pub(crate) fn pack<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let joined: Vec<&str> = parts.into_iter().map(str::trim).filter(|p| !p.is_empty()).collect();
    if joined.is_empty() { String::new() } else { format!("\n{}\n", joined.join("\n")) }
}
