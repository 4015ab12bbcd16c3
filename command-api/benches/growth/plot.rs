//! A figure over the size of the log, as an SVG.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

use crate::{Figure, short};

const SIZE: (u32, u32) = (480, 280);

/// Draws it into a file of this folder.
pub(crate) fn draw(folder: &Path, sizes: &[usize], figure: &Figure) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(folder)?;
    let file = folder.join(format!("{}.svg", figure.file));
    let area = SVGBackend::new(&file, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let (first, last) = (sizes[0] as f64, sizes[sizes.len() - 1] as f64);
    let highest = figure.values.iter().copied().fold(0.0, f64::max);
    let title = format!("{} ({})", figure.name, figure.unit);
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 15))
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(56)
        .build_cartesian_2d((first * 0.8..last * 1.25).log_scale(), 0.0..highest * 1.3)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_desc("events in the log")
        .x_labels(sizes.len())
        .x_label_formatter(&|size| format!("{size:.0}"))
        .y_labels(5)
        .y_label_formatter(&|value| short(*value))
        .draw()?;
    let points = || sizes.iter().map(|size| *size as f64).zip(figure.values.iter().copied());
    chart.draw_series(LineSeries::new(points(), BLUE.stroke_width(2)))?;
    chart.draw_series(points().map(|point| Circle::new(point, 4, BLUE.filled())))?;
    area.present()?;
    Ok(())
}
