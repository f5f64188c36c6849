//! Crossing: what the index lookups of a filter have in common, for matches that are rare among
//! many.
//!
//! A few SIMs taken at random tell beforehand how much each lookup yields and what crossing it
//! would leave; only lookups that save more than they cost are read.

use fixedbitset::FixedBitSet;
use rusqlite::functions::{Aggregate, Context};
use rusqlite::params_from_iter;

use super::access_path::{CONSIDERED, Driver};
use super::sql::{Compiler, Sql};
use crate::error::Result;
use crate::filter::Filter;

/// SIMs that are taken at random.
const SAMPLE: usize = 500;

/// Sets of numbers stay within 16 MB.
const HIGHEST: u64 = 1 << 27;

/// What looking at one SIM takes, in nanoseconds, where the SIMs lie close together.
const ROW: f64 = 1_500.0;

/// Reading every SIM there is takes as long as looking at one in so many of them.
const SCATTER: u64 = 5;

/// The SIMs that several lookups have in common: every match, and as few others as was worth the
/// effort.
pub(crate) struct Crossing {
    set: FixedBitSet,
    /// Every SIM there may be.
    of: u64,
    /// The share of its SIMs that match, as far as the sample can tell.
    pub share: f64,
}

impl Crossing {
    pub fn count(&self) -> u64 {
        self.set.count_ones(..) as u64
    }

    /// Whether it is so few that looking them up one by one beats reading all SIMs.
    pub fn is_rare(&self) -> bool {
        self.count() * SCATTER < self.of
    }

    /// A subquery of their numbers in ascending order, which is how rows lie.
    pub fn lookup(&self) -> Sql {
        Sql::new("SELECT value AS id FROM rarray(?)").with_many(self.set.ones().map(|id| id as i64))
    }

    /// A condition on `s.id` that reads no row.
    pub fn condition(&self) -> Sql {
        Sql::new("among(?, s.id)").with(bytes(&self.set))
    }
}

fn bytes(set: &FixedBitSet) -> Vec<u8> {
    set.as_slice().iter().flat_map(|block| block.to_le_bytes()).collect()
}

/// `bits(n)`: a set of numbers as the bits of a blob, which is half the way of a row each.
pub(crate) struct Bits;

impl Aggregate<FixedBitSet, Vec<u8>> for Bits {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<FixedBitSet> {
        Ok(FixedBitSet::new())
    }

    fn step(&self, context: &mut Context<'_>, set: &mut FixedBitSet) -> rusqlite::Result<()> {
        if let Some(number) = context.get_raw(0).as_i64().ok().and_then(|n| usize::try_from(n).ok()) {
            set.grow_and_insert(number);
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, set: Option<FixedBitSet>) -> rusqlite::Result<Vec<u8>> {
        Ok(set.map(|set| bytes(&set)).unwrap_or_default())
    }
}

/// `among(bits, n)`: whether bit `n` is set.
pub(crate) fn among(bits: &[u8], n: i64) -> bool {
    let Ok(n) = usize::try_from(n) else { return false };
    bits.get(n / 8).is_some_and(|byte| byte >> (n % 8) & 1 == 1)
}

/// Which SIMs of the sample each lookup yields, and which match everything.
struct Sample {
    yields: Vec<FixedBitSet>,
    matches: FixedBitSet,
    taken: usize,
}

/// Lookups that can be crossed, each with the condition it serves.
pub(crate) struct Crossable {
    drivers: Vec<Driver>,
    conditions: Vec<Sql>,
    whole: Sql,
    /// The highest number of a SIM.
    top: u64,
}

impl Crossable {
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.drivers.len()
    }
}

impl Compiler<'_> {
    /// What the index lookups of `filter` within `scope` have in common, as far as crossing them
    /// pays. `None` where no index serves any part of it.
    pub fn intersect(&self, filter: &Filter, scope: Option<&[i64]>) -> Result<Option<Crossing>> {
        let parts = self.crossable(filter, scope)?;
        if parts.drivers.is_empty() || parts.top > HIGHEST {
            return Ok(None);
        }
        let sample = self.sample(&parts)?;
        let (chosen, share) = sample.worthwhile(&parts);
        self.cross(&parts, &chosen, share).map(Some)
    }

    pub fn crossable(&self, filter: &Filter, scope: Option<&[i64]>) -> Result<Crossable> {
        let top: i64 = self.session.query_row("SELECT ifnull(max(id), 0) FROM sim", [], |r| r.get(0))?;
        let (mut drivers, mut conditions, mut whole) = (Vec::new(), Vec::new(), Sql::default());
        if let Some(ids) = scope {
            drivers.push(self.of_accounts(ids));
            conditions.push(Sql::new("s.account_id IN rarray(?)").with_many(ids.iter().copied()));
            whole.push(conditions[0].clone());
            whole.text.push_str(" AND ");
        }
        whole.push(self.condition(filter)?);
        let parts =
            if let Filter::And(list) = filter { list.as_slice() } else { std::slice::from_ref(filter) };
        for part in parts.iter().take(CONSIDERED) {
            if let Some(driver) = self.of(part)? {
                drivers.push(driver);
                conditions.push(self.condition(part)?);
            }
        }
        Ok(Crossable { drivers, conditions, whole, top: top as u64 })
    }

    /// Asks of some SIMs which lookups yield them.
    fn sample(&self, parts: &Crossable) -> Result<Sample> {
        let mut sql = Sql::new("SELECT ");
        for condition in &parts.conditions {
            sql.text.push('(');
            sql.push(condition.clone());
            sql.text.push_str("), ");
        }
        sql.text.push('(');
        sql.push(parts.whole.clone());
        sql.text.push_str(") FROM rarray(?) d CROSS JOIN sim s ON s.id = d.value");
        let sql = sql.with_many(sample_numbers(parts.top));
        let mut statement = self.session.prepare_cached(&sql.text)?;
        let mut rows = statement.query(params_from_iter(&sql.params))?;
        let none = || FixedBitSet::with_capacity(SAMPLE);
        let mut sample = Sample {
            yields: parts.conditions.iter().map(|_| none()).collect(),
            matches: none(),
            taken: 0,
        };
        while let Some(row) = rows.next()? {
            let at = |column: usize| row.get::<_, Option<bool>>(column).map(Option::unwrap_or_default);
            for (column, yields) in sample.yields.iter_mut().enumerate() {
                yields.set(sample.taken, at(column)?);
            }
            sample.matches.set(sample.taken, at(parts.conditions.len())?);
            sample.taken += 1;
        }
        Ok(sample)
    }

    /// Reads the lookups chosen and keeps what all of them yield.
    pub fn cross(&self, parts: &Crossable, chosen: &[usize], share: f64) -> Result<Crossing> {
        let mut set: Option<FixedBitSet> = None;
        for driver in chosen.iter().map(|at| &parts.drivers[*at]) {
            let found = self.numbers(&driver.sql, parts.top)?;
            match &mut set {
                Some(left) => left.intersect_with(&found),
                None => set = Some(found),
            }
        }
        Ok(Crossing { set: set.unwrap_or_default(), of: parts.top, share })
    }

    fn numbers(&self, sql: &Sql, top: u64) -> Result<FixedBitSet> {
        let mut statement =
            self.session.prepare_cached(&format!("SELECT bits(id) FROM ({})", sql.text))?;
        let found: Vec<u8> = statement.query_row(params_from_iter(&sql.params), |row| row.get(0))?;
        let mut set = FixedBitSet::with_capacity(top as usize + 1);
        for (block, bytes) in set.as_mut_slice().iter_mut().zip(found.chunks(size_of::<usize>())) {
            *block = usize::from_le_bytes(bytes.try_into().expect("whole blocks"));
        }
        Ok(set)
    }
}

impl Sample {
    /// The lookups worth reading, the shortest first, and the share of what they leave that
    /// matches.
    fn worthwhile(&self, parts: &Crossable) -> (Vec<usize>, f64) {
        let each = parts.top as f64 / self.taken.max(1) as f64;
        let size = |at: usize| self.yields[at].count_ones(..);
        let mut order: Vec<usize> = (0..self.yields.len()).collect();
        order.sort_by_key(|at| (size(*at), parts.drivers[*at].size));
        let mut chosen = vec![order[0]];
        let mut left = self.yields[order[0]].clone();
        for at in order.into_iter().skip(1) {
            let mut rest = left.clone();
            rest.intersect_with(&self.yields[at]);
            let saved = (left.count_ones(..) - rest.count_ones(..)) as f64 * each * ROW;
            // What the sample does not meet at all may be a few thousand still.
            let cost = size(at).max(1) as f64 * each * parts.drivers[at].apiece;
            if saved > cost {
                left = rest;
                chosen.push(at);
            }
        }
        let share = self.matches.count_ones(..) as f64 / left.count_ones(..).max(1) as f64;
        (chosen, share)
    }
}

/// Numbers from 1 to `top` in ascending order, one at random from each of as many equal parts.
fn sample_numbers(top: u64) -> Vec<i64> {
    let part = |n: u64| n * top / SAMPLE as u64;
    let mut random = 1_u64;
    let ids = (0..SAMPLE as u64).filter_map(|n| {
        // Any even spread does: the multiplier is Knuth's for 64 bits.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (from, to) = (part(n), part(n + 1));
        (to > from).then(|| (from + 1 + (random >> 33) % (to - from)) as i64)
    });
    ids.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::access_path::PLAIN;

    fn parts(lookups: usize) -> Crossable {
        let driver = || Driver { sql: Sql::default(), size: 0, apiece: PLAIN };
        let drivers = (0..lookups).map(|_| driver()).collect();
        Crossable { drivers, conditions: Vec::new(), whole: Sql::default(), top: 1_000_000 }
    }

    fn sample(yields: &[fn(usize) -> bool]) -> Sample {
        let set =
            |of: &dyn Fn(usize) -> bool| -> FixedBitSet { (0..SAMPLE).filter(|n| of(*n)).collect() };
        let matches = set(&|n| yields.iter().all(|of| of(n)));
        Sample { yields: yields.iter().map(|of| set(of)).collect(), matches, taken: SAMPLE }
    }

    #[test]
    fn only_lookups_that_save_more_than_they_cost_are_read() {
        let chosen = |yields: &[fn(usize) -> bool]| sample(yields).worthwhile(&parts(yields.len()));
        // Two common conditions that never meet: both, the shorter one first.
        assert_eq!(chosen(&[|n| n >= 50, |n| n < 50]), (vec![1, 0], 0.0));
        // Nearly everything takes nothing away.
        assert_eq!(chosen(&[|n| n < 498, |n| n < 50]), (vec![1], 1.0));
        // What is left is too little to read a long list for.
        assert_eq!(chosen(&[|n| n < 5, |n| n >= 3]).0, [0]);
        assert_eq!(chosen(&[|_| false]), (vec![0], 0.0));
    }

    #[test]
    fn the_sample_is_spread_and_in_order() {
        for top in [0, 1, 7, 499, 500, 501, 1_000_000] {
            let ids = sample_numbers(top);
            assert_eq!(ids.len() as u64, top.min(SAMPLE as u64), "{top}");
            assert!(ids.is_sorted_by(|a, b| a < b) && ids.iter().all(|id| (1..=top as i64).contains(id)));
        }
    }

    #[test]
    fn sets_go_through_blobs() {
        let set: FixedBitSet = [0, 7, 8, 63, 64, 1_000].into_iter().collect();
        let blob = bytes(&set);
        assert_eq!((0..2_000).filter(|n| among(&blob, *n)).collect::<Vec<_>>(), [0, 7, 8, 63, 64, 1_000]);
        assert!(!among(&blob, -1) && !among(&[], 3));
    }
}
