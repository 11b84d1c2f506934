use super::*;

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Fields<'a> {
    #[serde(borrow, deserialize_with = "text")]
    text: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "number")]
    number: Option<f64>,
    #[serde(deserialize_with = "count")]
    count: Option<u64>,
    #[serde(deserialize_with = "flag")]
    flag: Option<bool>,
    #[serde(deserialize_with = "time")]
    time: Option<Timestamp>,
    #[serde(borrow, deserialize_with = "list")]
    list: Vec<Element<'a>>,
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Element<'a> {
    #[serde(borrow, deserialize_with = "text")]
    name: Option<Cow<'a, str>>,
}

fn fields(line: &str) -> Fields<'_> {
    record(line.as_bytes()).unwrap()
}

/// One record whose every field is `value`.
fn everywhere(value: &str) -> String {
    let names = ["text", "number", "count", "flag", "time", "list"];
    let pairs: Vec<String> = names.iter().map(|name| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", pairs.join(","))
}

#[test]
fn fields_of_the_expected_type_are_read() {
    let line = r#"{"text":"a \"b\"","number":7.25,"count":3,"flag":true,"time":"2026-11-02T06:23:59.6117512Z","list":[{"name":"one"}]}"#;

    let read = fields(line);

    assert_eq!(read.text.as_deref(), Some("a \"b\""));
    assert_eq!((read.number, read.count, read.flag), (Some(7.25), Some(3), Some(true)));
    assert_eq!(read.time.unwrap().to_string(), "2026-11-02T06:23:59.6117512Z");
    assert_eq!(read.list[0].name.as_deref(), Some("one"));
}

#[test]
fn a_text_without_escapes_is_borrowed() {
    let line = r#"{"text":"plain"}"#;

    let read = fields(line);

    assert!(matches!(read.text, Some(Cow::Borrowed("plain"))));
}

#[test]
fn numbers_flags_and_times_are_read_out_of_text() {
    let line =
        r#"{"number":" 83.33 ","count":"450","flag":"False","time":"2026-11-02 06:23:59.5"}"#;

    let read = fields(line);

    assert_eq!((read.number, read.count, read.flag), (Some(83.33), Some(450), Some(false)));
    assert_eq!(read.time.unwrap().to_string(), "2026-11-02T06:23:59.5Z");
}

#[test]
fn a_flag_is_read_out_of_zero_and_one() {
    let flags = ["0", "1", "\"1\"", "2"];

    let read = flags.map(|flag| fields(&format!("{{\"flag\":{flag}}}")).flag);

    assert_eq!(read, [Some(false), Some(true), Some(true), None]);
}

#[test]
fn a_count_has_no_fraction_and_no_sign() {
    let counts = ["44.0", "\"1.9\"", "-1", "1e999"];

    let read = counts.map(|count| {
        let line = format!("{{\"count\":{count}}}");
        record::<Fields>(line.as_bytes()).and_then(|read| read.count)
    });

    assert_eq!(read, [Some(44), Some(1), None, None]);
}

#[test]
fn values_of_a_wrong_type_are_missing_values() {
    let values =
        ["null", "{}", "[]", "{\"a\":[1,{\"b\":2}]}", "[[1],\"x\",null]", "\"\"", "\"NaN\""];

    for value in values {
        let line = everywhere(value);
        let read = fields(&line);

        assert_eq!((read.number, read.count, read.flag), (None, None, None), "{value}");
        assert!(read.time.is_none() && read.list.is_empty(), "{value}");
        assert!(read.text.is_none() || value == "\"NaN\"", "{value}");
    }
}

#[test]
fn elements_that_are_no_objects_are_left_out() {
    let line = r#"{"list":[null,1,-1,1.5,true,"x",[{}],{"name":5},{"name":"two","more":{}}]}"#;

    let read = fields(line);

    let names: Vec<_> = read.list.iter().map(|element| element.name.as_deref()).collect();
    assert_eq!(names, [None, Some("two")]);
}

#[test]
fn a_key_that_comes_twice_loses_no_record() {
    let line = r#"{"text":"first","count":"7","text":"second"}"#;

    let read = fields(line);

    assert_eq!((read.text.as_deref(), read.count), (Some("second"), Some(7)));
}

#[test]
fn only_an_object_is_a_record() {
    let lines = ["[\"a\",1]", "\"text\"", "5", "null", "", "{\"text\":", "{} {}"];

    let read = lines.map(|line| record::<Fields>(line.as_bytes()).is_some());

    assert_eq!(read, [false; 7]);
}

#[test]
fn text_is_cut_between_characters() {
    let text = "añb日c";

    let cuts = [0, 2, 4, 9].map(|chars| cut(text, chars));

    assert_eq!(cuts, ["", "añ", "añb日", "añb日c"]);
}
