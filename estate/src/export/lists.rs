//! Lists in one cell: names joined by `;`, with separators inside a name escaped by `\`.

/// The characters that separate names in a cell: `;` in our own files, the others in those of other
/// portals.
const SEPARATORS: [char; 3] = [';', ',', '|'];

/// Joins names into one cell, so that [`split_list`] returns them unchanged.
///
/// A `\` is written before `;`, `,` and `|` inside a name, and before a `\` that would otherwise
/// escape what follows it.
pub fn join_list<S: AsRef<str>>(names: &[S]) -> String {
    let mut cell = String::new();
    for (at, name) in names.iter().enumerate() {
        if at > 0 {
            cell.push(SEPARATORS[0]);
        }
        let mut chars = name.as_ref().chars().peekable();
        while let Some(c) = chars.next() {
            let escapes_next = c == '\\' && chars.peek().is_none_or(|next| is_escapable(*next));
            if escapes_next || SEPARATORS.contains(&c) {
                cell.push('\\');
            }
            cell.push(c);
        }
    }
    cell
}

/// Splits a cell into names at `;`, `,` and `|`; `\` before one of these or before `\` makes it
/// part of the name.
///
/// Names are trimmed and empty ones dropped. Any other `\` stays as it is, so that a foreign `C:\x,
/// b` is two names.
pub fn split_list(cell: &str) -> Vec<String> {
    let (mut names, mut name) = (Vec::new(), String::new());
    let mut chars = cell.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => name.push(chars.next_if(|next| is_escapable(*next)).unwrap_or(c)),
            c if SEPARATORS.contains(&c) => names.push(std::mem::take(&mut name)),
            c => name.push(c),
        }
    }
    names.push(name);
    names.iter().map(|name| name.trim()).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn is_escapable(c: char) -> bool {
    c == '\\' || SEPARATORS.contains(&c)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn separators_inside_a_name_are_escaped() {
        for (names, cell) in [
            (vec!["a", "b"], "a;b"),
            (vec!["a;b", "c,d|e"], r"a\;b;c\,d\|e"),
            (vec![r"C:\x", r"end\"], r"C:\x;end\\"),
            (vec![r"a\;b"], r"a\\\;b"),
            (vec![], ""),
        ] {
            assert_eq!(
                (join_list(&names).as_str(), split_list(cell)),
                (cell, names.iter().map(|n| (*n).to_owned()).collect())
            );
        }
    }

    #[test]
    fn lists_of_other_programs_are_split() {
        assert_eq!(split_list("a, b; c|d"), ["a", "b", "c", "d"]);
        assert_eq!(split_list(r" C:\x ,,b; "), [r"C:\x", "b"]);
    }

    proptest! {
        #[test]
        fn lists_read_back(names in proptest::collection::vec(r"[a\\;,|'=]{1,6}|\PC{1,8}", 0..5)) {
            let names: Vec<String> =
                names.iter().map(|n| n.trim().to_owned()).filter(|n| !n.is_empty()).collect();
            prop_assert_eq!(split_list(&join_list(&names)), names);
        }
    }
}
