//! Rows as lines over time, and as bars.

use super::Place;
use super::draw::{Area, FAINT, GREY, INK, SERIES, cut, dot, label, line, rectangle};
use super::table::number;
use content::workbook::Chart;
use jiff::Timestamp;
use serde_json::Value;

const AXIS: i32 = 48;
const LEGEND: i32 = 22;

/// Names of the series in order, and of a row the values with their series.
fn series(chart: &Chart, rows: &[Value]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (name, _) in rows.iter().flat_map(|row| values(chart, row)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn values<'a>(chart: &'a Chart, row: &'a Value) -> impl Iterator<Item = (String, f64)> + 'a {
    chart.y.iter().filter_map(|y| {
        let name = chart.series.as_ref().map_or(Some(y.as_str()), |series| row[series].as_str());
        Some((name?.to_owned(), row[y].as_f64()?))
    })
}

fn legend(area: &Area<'_>, names: &[String], (left, top, width): (i32, i32, i32)) {
    let each = (width / i32::try_from(names.len().max(3)).unwrap()).min(190);
    for (name, (x, colour)) in
        names.iter().zip((0..).map(|at| left + at * each).zip(SERIES.iter().cycle()))
    {
        dot(area, (x + 4, top + 6), *colour);
        label(area, (x + 12, top), &cut(name, each - 18, 11), 11, GREY);
    }
}

/// The plot's place, with its axis drawn and the largest value written.
fn frame(area: &Area<'_>, chart: &Chart, place: Place, (low, high): (f64, f64)) -> Place {
    let Place(left, top, width, height) = place;
    let plot = Place(left + AXIS, top + 8, width - AXIS - 20, height - 2 * LEGEND - 12);
    for (share, value) in [(0.0, high), (0.5, (low + high) / 2.0), (1.0, low)] {
        let y = plot.1 + (f64::from(plot.3) * share) as i32;
        line(area, &[(plot.0, y), (plot.0 + plot.2, y)], FAINT, 1);
        label(area, (left, y - 6), &number(chart.unit, (value * 10.0).round() / 10.0), 11, GREY);
    }
    plot
}

pub fn lines(area: &Area<'_>, chart: &Chart, place: Place, rows: &[Value]) {
    let names = series(chart, rows);
    let at = |row: &Value| -> Option<f64> {
        Some(row[&chart.x].as_str()?.parse::<Timestamp>().ok()?.as_second() as f64)
    };
    let all: Vec<f64> =
        rows.iter().flat_map(|row| values(chart, row)).map(|(_, value)| value).collect();
    let low = all.iter().copied().fold(f64::INFINITY, f64::min);
    let high = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let room = ((high - low) * 0.15).max(1.0);
    let (low, high) = ((low - room).max(0.0), high + room);
    let times = rows.iter().filter_map(at);
    let (first, last) =
        (times.clone().fold(f64::INFINITY, f64::min), times.fold(f64::NEG_INFINITY, f64::max));
    let plot = frame(area, chart, place, (low, high));
    let x =
        |time: f64| plot.0 + ((time - first) / (last - first).max(1.0) * f64::from(plot.2)) as i32;
    let y = |value: f64| plot.1 + ((high - value) / (high - low) * f64::from(plot.3)) as i32;
    for (name, colour) in names.iter().zip(SERIES.iter().cycle()) {
        let of_name = rows.iter().filter_map(|row| {
            let (_, value) = values(chart, row).find(|(of, _)| of == name)?;
            Some((x(at(row)?), y(value)))
        });
        let points: Vec<_> = of_name.collect();
        line(area, &points, *colour, 2);
        points.iter().for_each(|point| dot(area, *point, *colour));
    }
    let day = |time: f64| {
        Timestamp::from_second(time as i64)
            .map_or(String::new(), |t| t.to_string()[..10].to_owned())
    };
    let below = plot.1 + plot.3 + 6;
    label(area, (plot.0, below), &day(first), 11, GREY);
    if last > first {
        label(area, (plot.0 + plot.2 - 62, below), &day(last), 11, GREY);
    }
    legend(area, &names, (place.0, below + LEGEND - 4, place.2));
}

pub fn bars(area: &Area<'_>, chart: &Chart, place: Place, rows: &[Value]) {
    let names = series(chart, rows);
    let mut groups: Vec<String> = Vec::new();
    for row in rows {
        let group = row[&chart.x].as_str().unwrap_or_default().to_owned();
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    let values_of = |group: &str, name: &str| -> f64 {
        let of_group = rows.iter().filter(|row| row[&chart.x] == *group);
        of_group
            .flat_map(|row| values(chart, row))
            .filter(|(of, _)| of == name)
            .map(|(_, value)| value)
            .sum()
    };
    let cells = groups.iter().flat_map(|group| names.iter().map(|name| values_of(group, name)));
    let high = cells.fold(0.0, f64::max).max(1.0);
    let plot = frame(area, chart, place, (0.0, high));
    let each = plot.2 / i32::try_from(groups.len()).unwrap();
    let bar = ((each - 10) / i32::try_from(names.len()).unwrap()).clamp(2, 40);
    for (group, left) in groups.iter().zip((0..).map(|at| plot.0 + at * each + 4)) {
        for ((name, colour), x) in
            names.iter().zip(SERIES.iter().cycle()).zip((0..).map(|at| left + at * bar))
        {
            let tall = (values_of(group, name) / high * f64::from(plot.3)) as i32;
            rectangle(area, (x, plot.1 + plot.3 - tall, bar - 1, tall), *colour);
        }
        let shown = group.get(..10).filter(|_| group.ends_with('Z')).unwrap_or(group);
        label(area, (left, plot.1 + plot.3 + 6), &cut(shown, each - 6, 11), 11, INK);
    }
    if names.len() > 1 {
        legend(area, &names, (place.0, plot.1 + plot.3 + 6 + LEGEND - 4, place.2));
    }
}
