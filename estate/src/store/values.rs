//! The values that a user's SIMs hold, for completion: nothing that only other people's SIMs hold.

use std::collections::HashMap;

use rusqlite::params_from_iter;

use super::read::View;
use super::sql::{Sql, tag_kind};
use crate::error::Result;
use crate::filter::Field;
use crate::filter::suggest::Values;
use crate::packed::split;
use crate::sim::Status;

/// The most values that are told.
const MOST: usize = 1_000;

impl View<'_> {
    /// The values of a field with how many SIMs hold each, most first; none for fields that are not
    /// counted.
    pub fn values(&self, field: Field) -> Result<Values> {
        let mut values = match field {
            Field::Network | Field::Tariff => self.count_values(field.name())?,
            Field::Status => {
                let named = |(code, n): (i64, u64)| (Status::from_code(code).word().to_owned(), n);
                self.grouped_by("s.status", "1", |r| r.get(0))?.into_iter().map(named).collect()
            }
            Field::Tag | Field::Category if self.whole => self.tags_of_all(field)?,
            Field::Tag => self.tags_of_some("tags")?,
            Field::Category => self.tags_of_some("categories")?,
            _ => Values::new(),
        };
        values.sort_by(|(a, n), (b, m)| m.cmp(n).then_with(|| a.cmp(b)));
        values.truncate(MOST);
        Ok(values)
    }

    fn count_values(&self, column: &str) -> Result<Values> {
        let (column, filled) = (format!("s.{column}"), format!("s.{column} > ''"));
        self.grouped_by(&column, &filled, |r| r.get(0))
    }

    fn grouped_by<T>(
        &self,
        column: &str,
        condition: &str,
        read: impl Fn(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<(T, u64)>> {
        let mut sql = Sql::new(format!("SELECT {column}, count(*) FROM sim s WHERE {condition} AND "));
        sql.push(self.visible());
        sql.text.push_str(" GROUP BY 1");
        let mut statement = self.session.prepare_cached(&sql.text)?;
        let rows = statement.query_map(params_from_iter(&sql.params), |r| {
            Ok((read(r)?, r.get::<_, i64>(1)?.unsigned_abs()))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// From the index of tags, each spelt as one of its SIMs spells it.
    fn tags_of_all(&self, field: Field) -> Result<Values> {
        let column = if field == Field::Tag { "tags" } else { "categories" };
        let sql = format!(
            "SELECT t.name, t.n, s.{column} FROM (SELECT name, count(*) AS n, min(sim_id) AS id FROM sim_tag \
             WHERE kind = ? GROUP BY name ORDER BY n DESC LIMIT {MOST}) t JOIN sim s ON s.id = t.id"
        );
        let mut statement = self.session.prepare_cached(&sql)?;
        let rows = statement.query_map([tag_kind(field)], |r| {
            let (key, n, list): (String, i64, String) = (r.get(0)?, r.get(1)?, r.get(2)?);
            let spelt = split(&list).into_iter().find(|name| crate::text::fold(name) == key);
            Ok((spelt.unwrap_or(key), n.unsigned_abs()))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// From the SIMs themselves.
    fn tags_of_some(&self, column: &str) -> Result<Values> {
        let (column, filled) = (format!("s.{column}"), format!("s.{column} > ''"));
        let lists = self.grouped_by(&column, &filled, |r| r.get::<_, String>(0))?;
        let mut tags: HashMap<String, (String, u64)> = HashMap::new();
        for (list, n) in lists {
            for tag in split(&list) {
                tags.entry(crate::text::fold(&tag)).or_insert((tag, 0)).1 += n;
            }
        }
        Ok(tags.into_values().collect())
    }
}
