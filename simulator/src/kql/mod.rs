//! KQL as far as hunting packs use it: one table, then operators, each bound against the columns before
//! it. What isn't known is refused, as the service refuses a column that isn't there.

mod expression;
mod parse;
mod steps;

pub(crate) use steps::Row;

use expression::Expression;

/// A column's type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Type {
    String,
    DateTime,
    Int64,
    SByte,
    /// `dynamic` that is an object, or whatever there is.
    Object,
    /// `dynamic` that is an array of texts.
    List,
}

impl Type {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Type::String => "String",
            Type::DateTime => "DateTime",
            Type::Int64 => "Int64",
            Type::SByte => "SByte",
            Type::Object | Type::List => "Object",
        }
    }
}

/// Names and types of a row's columns, in order.
pub(crate) type Columns = Vec<(String, Type)>;

/// One operator.
#[derive(Debug)]
enum Step {
    Where(Expression),
    Extend(Vec<(String, Expression)>),
    Project(Vec<(String, Expression)>),
    /// `summarize arg_max(column, *) by …`
    Newest {
        column: String,
        by: Vec<String>,
    },
    Sort(Vec<(String, bool)>),
    Take(usize),
    Count,
}

/// A query: its table, its operators, and the columns that it gives.
#[derive(Debug)]
pub(crate) struct Query {
    pub table: String,
    steps: Vec<Step>,
    pub columns: Columns,
}

impl Query {
    /// Reads and binds a query; `columns` gives those of a table that is there.
    ///
    /// # Errors
    ///
    /// What the service says, or that the simulator doesn't know more.
    pub(crate) fn read(
        text: &str,
        columns: impl Fn(&str) -> Option<Columns>,
    ) -> Result<Query, String> {
        parse::query(text, columns)
    }

    /// The rows that the query makes of its table's.
    pub(crate) fn run<'a>(&'a self, rows: impl Iterator<Item = Row> + 'a) -> Vec<Row> {
        steps::run(&self.steps, Box::new(rows))
    }

    /// The rows that what splits, sorts and counts makes of rows that are the rest's result already.
    pub(crate) fn run_over_results(&self, rows: Vec<Row>) -> Vec<Row> {
        let splits = |step: &&Step| match step {
            Step::Where(condition) => condition.hashes(),
            Step::Sort(_) | Step::Count => true,
            _ => false,
        };
        steps::run(self.steps.iter().filter(splits), Box::new(rows.into_iter()))
    }
}

#[cfg(test)]
mod tests;
