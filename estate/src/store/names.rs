//! Names that many SIMs share: networks, tariffs, tags, categories. The few there are of each are
//! looked up once, so that a comparison becomes a list.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::sql::{Compiler, Distinct, matches, tag_kind, text_of};
use crate::error::Result;
use crate::filter::{Field, Op, Term};
use crate::text;

impl Compiler<'_> {
    /// The networks or tariffs that a term means, where they can be told beforehand.
    pub(super) fn names(&self, term: &Term) -> Result<Option<Vec<String>>> {
        if !matches!(term.field, Field::Network | Field::Tariff) {
            return Ok(None);
        }
        let known = self.distinct(term.field)?;
        let Some(known) = known.as_ref() else { return Ok(None) };
        let wanted: Vec<String> = term.values.iter().map(|v| text::fold(text_of(v))).collect();
        let fits = |folded: &String| {
            wanted.iter().any(|w| matches(term.op, term.op == Op::Has && w.contains('*'), w, folded))
        };
        Ok(Some(known.iter().filter(|(_, folded)| fits(folded)).map(|(name, _)| name.clone()).collect()))
    }

    /// The distinct networks, tariffs, tags or categories, by jumping from one to the next in their
    /// index.
    fn distinct(&self, field: Field) -> Result<Rc<Distinct>> {
        if let Some(known) = self.distinct.borrow().get(&field) {
            return Ok(Rc::clone(known));
        }
        let least = match field {
            Field::Network => "SELECT min(network) FROM sim WHERE network > ".to_owned(),
            Field::Tariff => "SELECT min(tariff) FROM sim WHERE tariff > ".to_owned(),
            _ => format!("SELECT min(name) FROM sim_tag WHERE kind = {} AND name > ", tag_kind(field)),
        };
        let sql = format!(
            "WITH RECURSIVE n(name) AS (SELECT '' UNION ALL SELECT ({least} n.name) FROM n WHERE n.name NOT NULL) \
             SELECT name FROM n WHERE name NOT NULL LIMIT {}",
            DISTINCT_MOST + 1
        );
        let mut statement = self.session.prepare_cached(&sql)?;
        let names = statement.query_map([], |r| {
            let name: String = r.get(0)?;
            Ok((name.clone(), text::fold(&name)))
        })?;
        let names = names.collect::<rusqlite::Result<Vec<_>>>()?;
        let known = Rc::new(Some(names).filter(|names| names.len() <= DISTINCT_MOST));
        self.distinct.borrow_mut().insert(field, Rc::clone(&known));
        Ok(known)
    }

    /// The tags or categories that a term means, folded, where they can be told beforehand.
    pub(super) fn tags(&self, term: &Term) -> Result<Option<BTreeSet<String>>> {
        if !matches!(term.field, Field::Tag | Field::Category) {
            return Ok(None);
        }
        let mut all = BTreeSet::new();
        for value in &term.values {
            match self.tags_named(term.field, term.op, text_of(value))? {
                Some(names) => all.extend(names),
                None => return Ok(None),
            }
        }
        Ok(Some(all))
    }

    fn tags_named(&self, field: Field, op: Op, wanted: &str) -> Result<Option<Vec<String>>> {
        let wanted = text::fold(wanted);
        if wanted.is_empty() || wanted.contains('\n') {
            return Ok(None);
        }
        if op == Op::Eq {
            return Ok(Some(vec![wanted]));
        }
        let pattern = wanted.contains('*');
        let known = self.distinct(field)?;
        let fits = |name: &&String| !name.is_empty() && matches(op, pattern, &wanted, name);
        Ok(known
            .as_ref()
            .as_ref()
            .map(|names| names.iter().map(|(name, _)| name).filter(fits).cloned().collect()))
    }
}

/// Distinct values that a comparison is worked out for beforehand, at most.
const DISTINCT_MOST: usize = 5_000;
