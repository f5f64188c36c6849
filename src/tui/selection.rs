//! The selection: SIM ids and frozen queries, apart from any row. Pure.

use std::collections::BTreeSet;

use estate::{Accounts, Field, Filter, Op, Query, SimId, Target, Term, Value};

/// How many selections can be taken back.
const UNDOS: usize = 50;

/// What is selected, what was, and how much of it there is.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// The selection.
    pub target: Target,
    /// How many SIMs it holds; `None` while they are counted.
    pub total: Option<u64>,
    /// How many of them the list shows; `None` while they are counted.
    pub shown: Option<u64>,
    /// The row selected last, for "extend to here".
    pub last: Option<SimId>,
    before: Vec<Target>,
    acted: Option<Target>,
}

impl Selection {
    /// True when nothing is selected.
    pub fn is_empty(&self) -> bool {
        self.target.is_empty() || self.total == Some(0)
    }

    /// Selected SIMs that the list does not show.
    pub fn hidden_count(&self) -> Option<u64> {
        Some(self.total?.saturating_sub(self.shown?))
    }

    fn remember(&mut self) {
        if self.before.len() == UNDOS {
            self.before.remove(0);
        }
        self.before.push(self.target.clone());
    }

    fn recount(&mut self) {
        let by_ids = self.target.any.is_empty();
        self.total = by_ids.then(|| self.target.ids.difference(&self.target.except).count() as u64);
        self.shown = (self.total == Some(0)).then_some(0);
    }

    /// Selects or unselects one SIM.
    pub fn set(&mut self, id: SimId, on: bool) {
        self.remember();
        let target = &mut self.target;
        let by_query = !target.any.is_empty();
        match (on, by_query) {
            (true, true) if target.except.remove(&id) => {}
            (true, _) => drop(target.ids.insert(id)),
            (false, by_query) => {
                target.ids.remove(&id);
                if by_query {
                    target.except.insert(id);
                }
            }
        }
        if on {
            self.last = Some(id);
        }
        let counted =
            self.total.filter(|_| by_query).map(|n| if on { n + 1 } else { n.saturating_sub(1) });
        self.recount();
        self.total = self.total.or(counted);
    }

    /// Adds SIMs.
    pub fn add(&mut self, ids: &[SimId]) {
        self.remember();
        for id in ids {
            self.target.except.remove(id);
        }
        self.target.ids.extend(ids);
        self.last = ids.last().copied().or(self.last);
        self.recount();
    }

    /// Adds everything a query matches, now and when it is acted on.
    pub fn add_query(&mut self, query: Query) {
        self.remember();
        self.target.except.clear();
        if !self.target.any.contains(&query) {
            self.target.any.push(query);
        }
        self.recount();
    }

    /// Selects exactly this.
    pub fn replace(&mut self, target: Target) {
        self.remember();
        self.target = target;
        self.recount();
    }

    /// Selects nothing.
    pub fn clear(&mut self) {
        if !self.target.is_empty() {
            self.remember();
        }
        self.target = Target::default();
        self.recount();
    }

    /// Takes the last change of the selection back.
    pub fn undo(&mut self) -> bool {
        let Some(before) = self.before.pop() else { return false };
        self.target = before;
        self.recount();
        true
    }

    /// Notes what is acted on, for "select again".
    pub fn note_target(&mut self, target: &Target) {
        self.acted = Some(Target { expect: None, ..target.clone() });
    }

    /// Selects what was acted on last.
    pub fn again(&mut self) -> bool {
        let Some(acted) = self.acted.clone() else { return false };
        self.replace(acted);
        true
    }

    /// The selection as one filter.
    pub fn as_filter(&self, accounts: &Accounts) -> Filter {
        filter_of(&self.target, accounts)
    }
}

/// A target as one filter over everything the user sees.
pub fn filter_of(target: &Target, accounts: &Accounts) -> Filter {
    let mut any: Vec<Filter> = target.any.iter().map(|q| within(q, accounts)).collect();
    if !target.ids.is_empty() {
        any.push(Filter::ids(target.ids.iter().copied()));
    }
    let all = Filter::any(any);
    if target.except.is_empty() {
        all
    } else {
        all.and(Filter::ids(target.except.iter().copied()).negate())
    }
}

/// A query's filter with its account scope written into it.
fn within(query: &Query, accounts: &Accounts) -> Filter {
    let subtree = accounts.subtree(query.under);
    if query.deep && accounts.top().is_some_and(|top| top.id == query.under) {
        return query.filter.clone();
    }
    let ids: BTreeSet<i64> =
        subtree.iter().take(if query.deep { usize::MAX } else { 1 }).map(|a| a.id.0).collect();
    let values: Vec<Value> = ids.into_iter().map(Value::Id).collect();
    let scope = if values.is_empty() {
        Filter::none()
    } else {
        Filter::Term(Term { field: Field::AccountId, op: Op::Eq, values })
    };
    query.filter.clone().and(scope)
}

#[cfg(test)]
mod tests {
    use estate::{AccountId, Time};

    use super::*;

    fn id(n: i64) -> SimId {
        SimId(n)
    }

    #[test]
    fn single_marks_are_counted_and_taken_back() {
        let mut picked = Selection::default();
        picked.set(id(1), true);
        picked.add(&[id(2), id(3)]);
        picked.set(id(2), false);
        assert_eq!(picked.total, Some(2));
        assert!(picked.undo());
        assert_eq!(picked.total, Some(3));
        assert!(picked.undo() && picked.undo());
        assert!(picked.is_empty() && !picked.undo());
    }

    #[test]
    fn exceptions_of_a_query_are_kept_apart() {
        let mut picked = Selection::default();
        picked.add_query(Query::all(AccountId(1), Time(0)));
        assert_eq!(picked.total, None);
        picked.total = Some(10);
        picked.set(id(4), false);
        assert_eq!((picked.total, picked.target.except.len()), (Some(9), 1));
        picked.set(id(4), true);
        assert_eq!((picked.total, picked.target.except.len(), picked.target.ids.len()), (Some(10), 0, 0));
    }

    #[test]
    fn what_was_acted_on_comes_back() {
        let mut picked = Selection::default();
        picked.add(&[id(7)]);
        let target = picked.target.clone();
        picked.note_target(&target);
        picked.clear();
        assert!(picked.again());
        assert_eq!(picked.target.ids, BTreeSet::from([id(7)]));
    }
}
