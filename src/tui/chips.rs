//! The conditions a filter shows above the table, in few words, and a filter without one of them.
//! Pure.

use estate::{Field, Filter, Term};

use super::conditions::as_typed;

/// The conditions a filter consists of at the top: what is shown as chips.
pub fn parts(filter: &Filter) -> Vec<&Filter> {
    match filter {
        Filter::All => Vec::new(),
        Filter::And(list) => list.iter().collect(),
        other => vec![other],
    }
}

/// A filter without one of its parts.
pub fn without(filter: &Filter, part: usize) -> Filter {
    let Filter::And(list) = filter else { return Filter::All };
    let mut rest = list.clone();
    if part < rest.len() {
        rest.remove(part);
    }
    if rest.len() == 1 { rest.remove(0) } else { Filter::And(rest) }
}

/// The most values of a chip that are named.
const NAMED: usize = 4;

/// A part in few words: long lists are counted, not named.
pub fn chip(filter: &Filter) -> String {
    match filter {
        nothing if *nothing == Filter::none() => "nothing".to_owned(),
        Filter::Term(term) if term.values.len() > NAMED => {
            let n = estate::number::count(term.values.len() as u64);
            format!("{}: a list of {n}", term.field.title())
        }
        Filter::Term(Term { field: Field::In | Field::Path, values, .. }) if values.len() == 1 => {
            // Of a path the end tells which it is.
            let path = as_typed(values);
            let last = estate::split_path(&path).and_then(|names| names.last().cloned()).unwrap_or(path);
            format!("in …/{last}")
        }
        Filter::Not(inner) => format!("-{}", group_text(inner)),
        Filter::And(list) => list.iter().map(group_text).collect::<Vec<_>>().join(" "),
        Filter::Or(list) => list.iter().map(group_text).collect::<Vec<_>>().join(" or "),
        other => other.to_string(),
    }
}

fn group_text(filter: &Filter) -> String {
    match filter {
        Filter::And(_) | Filter::Or(_) => format!("({})", chip(filter)),
        other => chip(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chips_are_parts_that_can_be_taken_away() {
        let filter = Filter::parse("status=active (a or b) iccid=1,2,3,4,5,6").expect("filter");
        let chips: Vec<String> = parts(&filter).into_iter().map(chip).collect();
        assert_eq!(chips, ["status=active", "a or b", "ICCID: a list of 6"]);
        assert_eq!(without(&filter, 1).to_string(), "status=active iccid=1,2,3,4,5,6");
        assert_eq!(without(&without(&filter, 0), 0).to_string(), "iccid=1,2,3,4,5,6");
        assert_eq!(without(&Filter::parse("a or b").expect("filter"), 0), Filter::All);
    }
}
