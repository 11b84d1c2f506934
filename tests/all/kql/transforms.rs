//! Transformations use only what ingestion supports.
//!
//! <https://learn.microsoft.com/azure/azure-monitor/data-collection/data-collection-transformations-kql>

use super::{Bound, bind, flows};
use serde_json::json;

/// Longest transformation of a flow, in characters.
///
/// <https://learn.microsoft.com/azure/azure-monitor/service-limits#data-collection-rules>
const MAX_CHARS: usize = 15_360;

/// Operators that take one row and give one or none.
const OPERATORS: &[&str] = &[
    "ExtendOperator",
    "FilterOperator",
    "ParseOperator",
    "PrintOperator",
    "ProjectAwayOperator",
    "ProjectOperator",
    "ProjectRenameOperator",
];

/// Expressions, with those of the string operators that are supported.
const EXPRESSIONS: &[&str] = &[
    "AddExpression",
    "AndExpression",
    "BangTildeExpression",
    "BooleanLiteralExpression",
    "ContainsCsExpression",
    "ContainsExpression",
    "DataTableExpression",
    "DateTimeLiteralExpression",
    "DivideExpression",
    "ElementExpression",
    "EndsWithCsExpression",
    "EndsWithExpression",
    "EqualExpression",
    "EqualTildeExpression",
    "FunctionCallExpression",
    "GreaterThanExpression",
    "GreaterThanOrEqualExpression",
    "HasCsExpression",
    "HasExpression",
    "InExpression",
    "IntLiteralExpression",
    "LessThanExpression",
    "LessThanOrEqualExpression",
    "LongLiteralExpression",
    "MatchesRegexExpression",
    "ModuloExpression",
    "MultiplyExpression",
    "NotContainsCsExpression",
    "NotContainsExpression",
    "NotEndsWithCsExpression",
    "NotEndsWithExpression",
    "NotEqualExpression",
    "NotHasCsExpression",
    "NotHasExpression",
    "NotInExpression",
    "NotStartsWithCsExpression",
    "NotStartsWithExpression",
    "OrExpression",
    "ParenthesizedExpression",
    "PathExpression",
    "PipeExpression",
    "RealLiteralExpression",
    "SimpleNamedExpression",
    "StartsWithCsExpression",
    "StartsWithExpression",
    "StringLiteralExpression",
    "SubtractExpression",
    "TimespanLiteralExpression",
    "UnaryMinusExpression",
];

const STATEMENTS: &[&str] = &["ExpressionStatement", "LetStatement"];

/// Functions, in the page's order.
const FUNCTIONS: &str = "binary_and binary_or binary_not binary_shift_left binary_shift_right binary_xor \
    tobool todatetime todouble toreal toguid toint tolong tostring totimespan \
    ago datetime_add datetime_diff datetime_part dayofmonth dayofweek dayofyear endofday endofmonth \
    endofweek endofyear getmonth getyear hourofday make_datetime make_timespan now startofday \
    startofmonth startofweek startofyear weekofyear \
    array_concat array_length pack_array pack parse_json parse_xml zip \
    abs bin floor ceiling exp exp10 exp2 isfinite isinf isnan log log10 log2 pow round sign \
    case iif max_of min_of \
    base64_encodestring base64_decodestring countof extract extract_all indexof isempty isnotempty split \
    strcat strcat_delim strlen substring tolower toupper hash_sha256 \
    gettype isnotnull isnull columnifexists parse_cef_dictionary geo_location";

/// What of a bound query ingestion doesn't support.
fn unsupported(bound: &Bound) -> Vec<&str> {
    let allowed = |kind: &str| match () {
        () if kind.ends_with("Operator") => OPERATORS.contains(&kind),
        () if kind.ends_with("Expression") => EXPRESSIONS.contains(&kind),
        () if kind.ends_with("Statement") => STATEMENTS.contains(&kind),
        () => true,
    };
    let kinds = bound.kinds.iter().map(String::as_str).filter(|kind| !allowed(kind));
    let is_known = |call: &&str| FUNCTIONS.split_whitespace().any(|name| name == *call);
    let calls = bound.calls.iter().map(String::as_str).filter(|call| !is_known(call));
    kinds.chain(calls).collect()
}

#[test]
fn a_transformation_uses_only_what_ingestion_supports() {
    let flows = flows();
    let queries = flows
        .iter()
        .map(|flow| json!({ "name": flow.into, "text": flow.transform, "source": flow.columns }));

    for bound in bind(queries.collect()) {
        assert_eq!(unsupported(&bound), [""; 0], "{}", bound.name);
    }
    for flow in &flows {
        assert!(flow.transform.len() <= MAX_CHARS, "{} is too long", flow.into);
    }
}

#[test]
fn what_ingestion_refuses_is_found() {
    let columns = json!([{ "name": "a", "type": "string" }, { "name": "d", "type": "dynamic" }]);
    let refused = [
        ("source | summarize n = count() by a", "SummarizeOperator"),
        ("source | mv-expand d", "MvExpandOperator"),
        ("source | join (source) on a", "JoinOperator"),
        ("source | union (source)", "UnionOperator"),
        ("source | sort by a", "SortOperator"),
        ("source | take 1", "TakeOperator"),
        ("source | distinct a", "DistinctOperator"),
        ("source | extend b = coalesce(a, 'x')", "coalesce"),
        ("source | extend b = iff(a == 'x', 1, 2)", "iff"),
        ("source | extend b = dynamic({})", "DynamicExpression"),
        ("source | where a in~ ('x')", "InCsExpression"),
        ("PostureDevices()", "PostureDevices"),
    ];
    let query = |text| json!({ "name": text, "text": text, "source": columns });

    let bound = bind(refused.iter().map(|&(text, _)| query(text)).collect());

    for ((text, what), bound) in refused.into_iter().zip(bound) {
        assert!(unsupported(&bound).contains(&what), "{text}: {:?}", bound.kinds);
    }
}
