//! Accounts and the tree they form, as one user sees it.

mod name;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::ids::AccountId;
use crate::period::PeriodRule;
use crate::text;
use crate::units::describe_bytes;
pub use name::{check_new_account_name, valid_name};

/// An account with its place in the tree and its SIM counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The identifier.
    pub id: AccountId,
    /// The account above; `None` for the top of what this user sees.
    pub parent: Option<AccountId>,
    /// The name, unique among siblings ignoring case; accents distinguish.
    pub name: String,
    /// What another system calls it; empty where nothing does.
    pub reference: String,
    /// Levels below the top of what this user sees.
    pub depth: u16,
    /// SIMs in the account itself.
    pub own: u64,
    /// SIMs in the account and everything below it.
    pub subtree: u64,
    /// Whether a user with the role Admin belongs to it.
    pub has_admin: bool,
    /// How many users belong to it.
    pub users: u64,
    /// Whether it sets Help and Support for those below it.
    pub helps: bool,
    /// When its billing periods begin, by its own rule or that of an account above.
    pub period: PeriodRule,
    /// Its own rule, if it has one.
    pub own_period: Option<PeriodRule>,
    /// Whether caps and alerts are switched on, here and everywhere above.
    pub levels: bool,
    /// Whether they are as far as the account itself says.
    pub own_levels: bool,
    /// How high caps may be here: the lowest ceiling of the account and of those above it.
    pub ceiling: Option<Ceiling>,
    /// Its own ceiling, if it has one.
    pub own_ceiling: Option<u64>,
    /// The revision that last changed it.
    pub version: i64,
}

/// How high the cap of a SIM may be, and which account says so. A SIM without a cap exceeds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ceiling {
    /// The highest cap.
    pub bytes: u64,
    /// The account it was set on; `None` for one above those that this user sees.
    pub from: Option<AccountId>,
}

impl Ceiling {
    /// Whether a cap, 0 for none, exceeds it.
    pub fn exceeded_by(self, cap: u64) -> bool {
        cap == 0 || cap > self.bytes
    }
}

/// The accounts a user sees, in tree order: parents before children, siblings in natural order
/// ([`text::natural_key`]), then by key.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    list: Vec<Account>,
    place: HashMap<AccountId, usize>,
    /// For each account, the place after its last descendant.
    end: Vec<usize>,
    /// Whether its top is the root of the estate.
    root: bool,
}

/// What the store knows of an account before it is put into the tree.
#[derive(Debug, Clone)]
pub struct AccountRow {
    pub(crate) id: AccountId,
    pub(crate) parent: Option<AccountId>,
    pub(crate) name: String,
    pub(crate) reference: String,
    pub(crate) key: String,
    pub(crate) own: u64,
    pub(crate) has_admin: bool,
    pub(crate) users: u64,
    pub(crate) helps: bool,
    pub(crate) version: i64,
    pub(crate) period: Option<PeriodRule>,
    pub(crate) levels: bool,
    pub(crate) ceiling: Option<u64>,
}

/// What an account passes on to those below it.
#[derive(Clone, Copy)]
struct Passed {
    period: PeriodRule,
    levels: bool,
    ceiling: Option<Ceiling>,
}

impl Passed {
    /// What holds below an account that is under this: of two equal ceilings the upper one counts.
    fn through(self, row: &AccountRow) -> Self {
        let own = row.ceiling.map(|bytes| Ceiling { bytes, from: Some(row.id) });
        let ceiling = match (self.ceiling, own) {
            (Some(above), Some(own)) if own.bytes < above.bytes => Some(own),
            (above, own) => above.or(own),
        };
        Self { period: row.period.unwrap_or(self.period), levels: self.levels && row.levels, ceiling }
    }
}

/// What comes from an account and from those above it, which this user may not see.
fn read_inherited(rows: &[AccountRow], mut at: Option<AccountId>) -> Passed {
    // The root, which most trees begin at, inherits nothing.
    let above = if at.is_some() { rows } else { &[] };
    let by_id: HashMap<AccountId, &AccountRow> = above.iter().map(|row| (row.id, row)).collect();
    let mut path = Vec::new();
    for _ in 0..rows.len() {
        let Some(row) = at.and_then(|id| by_id.get(&id)) else { break };
        path.push(row);
        at = row.parent;
    }
    let none = Passed { period: PeriodRule::default(), levels: true, ceiling: None };
    let mut passed = path.into_iter().rev().fold(none, |above, row| above.through(row));
    // Where it was said is out of sight.
    passed.ceiling = passed.ceiling.map(|ceiling| Ceiling { from: None, ..ceiling });
    passed
}

impl Accounts {
    /// Puts rows into tree order below `top`; rows that do not hang from it are left out.
    pub(crate) fn build(rows: &[AccountRow], top: AccountId) -> Self {
        let mut children: HashMap<AccountId, Vec<usize>> = HashMap::new();
        for (i, row) in rows.iter().enumerate() {
            if let Some(parent) = row.parent {
                children.entry(parent).or_default().push(i);
            }
        }
        for siblings in children.values_mut() {
            siblings.sort_by_cached_key(|at| (text::natural_key(&rows[*at].name), rows[*at].key.clone()));
        }
        let mut tree = Self::default();
        let start = rows.iter().position(|r| r.id == top);
        let mut stack: Vec<(usize, u16, Passed)> =
            start.map(|i| (i, 0, read_inherited(rows, rows[i].parent))).into_iter().collect();
        while let Some((i, depth, above)) = stack.pop() {
            let row = &rows[i];
            let passed = above.through(row);
            tree.place.insert(row.id, tree.list.len());
            tree.list.push(Account {
                id: row.id,
                parent: row.parent.filter(|_| depth > 0),
                name: row.name.clone(),
                reference: row.reference.clone(),
                depth,
                own: row.own,
                subtree: row.own,
                has_admin: row.has_admin,
                users: row.users,
                helps: row.helps,
                period: passed.period,
                own_period: row.period,
                levels: passed.levels,
                own_levels: row.levels,
                ceiling: passed.ceiling,
                own_ceiling: row.ceiling,
                version: row.version,
            });
            let below = children.get(&row.id).into_iter().flatten().rev();
            stack.extend(below.map(|child| (*child, depth.saturating_add(1), passed)));
        }
        tree.root = start.is_some_and(|i| rows[i].parent.is_none());
        tree.sum_up();
        tree
    }

    /// Takes accounts as another estate has them: in tree order, with everything summed up. `root`
    /// says whether the first is the root of that estate.
    pub fn of(list: Vec<Account>, root: bool) -> Self {
        let place = list.iter().enumerate().map(|(i, account)| (account.id, i)).collect();
        let mut tree = Self { list, place, end: Vec::new(), root };
        tree.find_ends();
        tree
    }

    /// Adds what is below to each account.
    fn sum_up(&mut self) {
        self.find_ends();
        for i in (0..self.list.len()).rev() {
            if let Some(parent) = self.list[i].parent.and_then(|p| self.place.get(&p).copied()) {
                self.list[parent].subtree += self.list[i].subtree;
            }
        }
    }

    /// Notes where each subtree ends.
    fn find_ends(&mut self) {
        self.end = vec![self.list.len(); self.list.len()];
        let mut open: Vec<usize> = Vec::new();
        for i in 0..self.list.len() {
            while open.last().is_some_and(|top| self.list[*top].depth >= self.list[i].depth) {
                self.end[open.pop().unwrap_or_default()] = i;
            }
            open.push(i);
        }
    }

    /// All of them, in tree order.
    pub fn all(&self) -> &[Account] {
        &self.list
    }

    /// Whether the user sees the whole estate, from its root.
    pub fn has_root(&self) -> bool {
        self.root
    }

    /// The top of what the user sees.
    pub fn top(&self) -> Option<&Account> {
        self.list.first()
    }

    /// One of them.
    pub fn get(&self, id: AccountId) -> Option<&Account> {
        self.place.get(&id).map(|i| &self.list[*i])
    }

    /// One of them, or the error that says there is none.
    pub fn need(&self, id: AccountId) -> Result<&Account> {
        self.get(id).ok_or_else(|| Error::not_found("account", format!("#{}", id.0)))
    }

    /// An account's place in tree order.
    pub fn place(&self, id: AccountId) -> Option<usize> {
        self.place.get(&id).copied()
    }

    /// An account and everything below it, in tree order.
    pub fn subtree(&self, id: AccountId) -> &[Account] {
        self.place(id).map_or(&[], |i| &self.list[i..self.end[i]])
    }

    /// The accounts directly below one, in tree order.
    pub fn children(&self, id: AccountId) -> impl Iterator<Item = &Account> {
        let (first, end) = self.place(id).map_or((0, 0), |at| (at + 1, self.end[at]));
        let next = move |at: &usize| Some(self.end[*at]).filter(|next| *next < end);
        std::iter::successors(Some(first).filter(|at| *at < end), next).map(|at| &self.list[at])
    }

    /// Returns the same tree with SIM counts changed by `added`; accounts out of sight are ignored.
    pub(crate) fn with_counts(&self, added: &[(AccountId, i64)]) -> Self {
        let mut tree = self.clone();
        for (id, sims) in added {
            let mut at = tree.place(*id);
            if let Some(account) = at.map(|at| &mut tree.list[at]) {
                account.own = account.own.saturating_add_signed(*sims);
            }
            while let Some(place) = at {
                let account = &mut tree.list[place];
                account.subtree = account.subtree.saturating_add_signed(*sims);
                at = account.parent.and_then(|parent| tree.place(parent));
            }
        }
        tree
    }

    /// True when `id` is `above` or lies below it.
    pub fn is_under(&self, id: AccountId, above: AccountId) -> bool {
        let (Some(at), Some(top)) = (self.place(id), self.place(above)) else { return false };
        (top..self.end[top]).contains(&at)
    }

    /// The names from the top to an account.
    pub fn names(&self, id: AccountId) -> Vec<&str> {
        let mut names = Vec::new();
        let mut at = self.get(id);
        while let Some(account) = at {
            names.push(account.name.as_str());
            at = account.parent.and_then(|p| self.get(p));
        }
        names.reverse();
        names
    }

    /// The path of an account: `/Acme Ltd/Fleet`, with `/` and `\` in names escaped.
    pub fn path(&self, id: AccountId) -> String {
        self.names(id)
            .iter()
            .map(|name| format!("/{}", name.replace('\\', "\\\\").replace('/', "\\/")))
            .collect()
    }

    /// The path without the top: `Fleet/North`; the top itself is its own name.
    pub fn short_path(&self, id: AccountId) -> String {
        let names = self.names(id);
        if names.len() > 1 { names[1..].join("/") } else { names.concat() }
    }

    /// A ceiling in words, with the account it comes from.
    pub fn ceiling_said(&self, ceiling: Ceiling) -> String {
        let from = match ceiling.from {
            Some(id) => format!("on {}", self.path(id)),
            None => "by an account above yours".to_owned(),
        };
        format!("{} set {from}", describe_bytes(ceiling.bytes))
    }

    /// Finds an account by path, or by a name that is unique. Names are compared by
    /// [`text::case_fold`].
    pub fn find(&self, path: &str) -> Result<AccountId> {
        if let Some(names) = split_path(path) {
            return self.walk(&names).ok_or_else(|| self.unknown(path));
        }
        let key = text::case_fold(path.trim());
        let hits: Vec<&Account> = self.list.iter().filter(|a| text::case_fold(&a.name) == key).collect();
        match hits.as_slice() {
            [] => Err(self.unknown(path)),
            [one] => Ok(one.id),
            many => Err(Error::Ambiguous {
                name: path.to_owned(),
                candidates: many.iter().map(|a| self.path(a.id)).collect(),
            }),
        }
    }

    fn walk(&self, names: &[String]) -> Option<AccountId> {
        let (top, first) = (self.top()?, names.first()?);
        if text::case_fold(&top.name) != text::case_fold(first) {
            return None;
        }
        names[1..].iter().try_fold(top.id, |at, name| {
            let key = text::case_fold(name);
            self.children(at).find(|child| text::case_fold(&child.name) == key).map(|child| child.id)
        })
    }

    fn unknown(&self, path: &str) -> Error {
        let last =
            split_path(path).and_then(|names| names.last().cloned()).unwrap_or_else(|| path.to_owned());
        let names: std::collections::BTreeSet<&str> = self.list.iter().map(|a| a.name.as_str()).collect();
        let near = text::nearest(&last, names).into_iter().map(str::to_owned).collect();
        Error::NotFound { what: "account", name: path.to_owned(), near }
    }
}

/// Splits `/A/B\/C` into its names; `None` when it does not begin with `/`.
pub fn split_path(path: &str) -> Option<Vec<String>> {
    let mut chars = path.trim().strip_prefix('/')?.chars();
    let mut names = vec![String::new()];
    while let Some(c) = chars.next() {
        match c {
            '/' => names.push(String::new()),
            '\\' => names.last_mut()?.extend(chars.next()),
            c => names.last_mut()?.push(c),
        }
    }
    if names.last().is_some_and(String::is_empty) {
        names.pop();
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: i64, parent: i64, name: &str, own: u64) -> AccountRow {
        AccountRow {
            id: AccountId(id),
            parent: (parent > 0).then_some(AccountId(parent)),
            name: name.into(),
            reference: String::new(),
            key: text::case_fold(name),
            own,
            has_admin: false,
            users: 0,
            helps: false,
            version: 1,
            period: None,
            levels: true,
            ceiling: None,
        }
    }

    fn tree() -> Accounts {
        Accounts::build(
            &[
                row(1, 0, "Top", 1),
                row(2, 1, "b/c", 10),
                row(3, 1, "Ä", 100),
                row(4, 3, "Leaf", 1000),
                row(9, 8, "Foreign", 5),
            ],
            AccountId(1),
        )
    }

    #[test]
    fn tree_order_and_counts() {
        let tree = tree();
        let seen: Vec<(&str, u64)> = tree.all().iter().map(|a| (a.name.as_str(), a.subtree)).collect();
        assert_eq!(seen, [("Top", 1111), ("Ä", 1100), ("Leaf", 1000), ("b/c", 10)]);
        assert!(tree.is_under(AccountId(4), AccountId(3)) && !tree.is_under(AccountId(2), AccountId(3)));
        let children = |id| tree.children(AccountId(id)).map(|a| a.id.0).collect::<Vec<_>>();
        assert_eq!(
            [children(1), children(3), children(4), children(9)],
            [vec![3, 2], vec![4], vec![], vec![]]
        );
    }

    #[test]
    fn siblings_come_in_natural_order() {
        let names = ["Depot 10", "Dépôt 9", "depot 2", "Depot 02", "Depot", "Muller", "Müller"];
        let mut rows = vec![row(1, 0, "Top", 0)];
        rows.extend((2..).zip(names).map(|(id, name)| row(id, 1, name, 0)));
        let seen = |rows: &[AccountRow]| -> Vec<String> {
            Accounts::build(rows, AccountId(1)).all()[1..].iter().map(|a| a.name.clone()).collect()
        };
        let wanted = ["Depot", "depot 2", "Depot 02", "Dépôt 9", "Depot 10", "Muller", "Müller"];
        assert_eq!(seen(&rows), wanted);
        rows.reverse();
        assert_eq!(seen(&rows), wanted, "whatever order they come in");
    }

    #[test]
    fn the_lowest_ceiling_holds_and_is_told_from_where() {
        let with = |row: AccountRow, ceiling| AccountRow { ceiling: Some(ceiling), ..row };
        let rows = [
            with(row(1, 0, "Top", 0), 50),
            with(row(2, 1, "Tighter", 0), 20),
            with(row(3, 2, "Looser", 0), 30),
            row(4, 1, "None", 0),
        ];
        let tree = Accounts::build(&rows, AccountId(1));
        let of = |id| tree.get(AccountId(id)).and_then(|a| a.ceiling).expect("held");
        assert_eq!(of(3), Ceiling { bytes: 20, from: Some(AccountId(2)) });
        assert_eq!(of(4), Ceiling { bytes: 50, from: Some(AccountId(1)) });
        let below = Accounts::build(&rows, AccountId(3));
        let held = below.get(AccountId(3)).and_then(|a| a.ceiling).expect("held");
        assert_eq!(held, Ceiling { bytes: 20, from: None }, "what set it is not theirs to know");
        assert_eq!(below.ceiling_said(held), "20 B set by an account above yours");
        assert!(held.exceeded_by(0) && held.exceeded_by(21) && !held.exceeded_by(20));
    }

    #[test]
    fn paths_read_back() {
        let tree = tree();
        for account in tree.all() {
            assert_eq!(tree.find(&tree.path(account.id)), Ok(account.id));
        }
        assert_eq!(tree.path(AccountId(2)), "/Top/b\\/c");
        assert_eq!(tree.find("/TOP/ä/leaf"), Ok(AccountId(4)));
        assert_eq!(tree.find("leaf"), Ok(AccountId(4)));
    }

    #[test]
    fn accents_tell_accounts_apart() {
        let rows =
            [row(1, 0, "Top", 0), row(2, 1, "Müller", 0), row(3, 1, "Muller", 0), row(4, 1, "Peña", 0)];
        let tree = Accounts::build(&rows, AccountId(1));
        assert_eq!((tree.find("MÜLLER"), tree.find("/top/muller")), (Ok(AccountId(2)), Ok(AccountId(3))));
        assert_eq!(tree.find("Mu\u{308}ller"), Ok(AccountId(2)), "another spelling of the same letter");
        let error = tree.find("Pena").expect_err("another name");
        assert!(error.hint().expect("hint").contains("Peña"));
    }

    #[test]
    fn what_lies_outside_does_not_exist() {
        let error = tree().find("Foreign").expect_err("foreign");
        assert_eq!(error, Error::not_found("account", "Foreign"));
        assert!(tree().find("/Top/leef").expect_err("unknown").hint().expect("hint").contains("Leaf"));
    }
}
