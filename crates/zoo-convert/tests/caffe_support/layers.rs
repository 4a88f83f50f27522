//! Layers that are written and computed at once.

use super::{Image, Layer, Message, Net, Window};

impl Net {
    /// Convolution with a bias.
    pub(crate) fn conv(
        &mut self,
        name: &str,
        bottom: &str,
        outputs: usize,
        groups: usize,
        window: Window,
    ) {
        let per_group = self.value(bottom).shape[1] / groups;
        let [height, width] = window.kernel;
        let fan_in = per_group * height * width;
        let weight = self.draw(outputs * fan_in, (3.0 / fan_in as f64).sqrt());
        let bias = self.draw(outputs, 0.1);
        let mut settings = Message::new().integer(1, outputs as i64);
        // Once where both axes agree, as most files have it.
        let mut both = |field, [height, width]: [usize; 2], default: usize| {
            let all = if height == width { vec![height] } else { vec![height, width] };
            let all = if all == [default] { &[][..] } else { &all };
            settings = std::mem::take(&mut settings).integers(field, all);
        };
        both(4, window.kernel, 0);
        both(3, window.pad, 0);
        both(6, window.stride, 1);
        both(18, window.dilation, 1);
        if groups != 1 {
            settings = settings.integer(5, groups as i64);
        }
        let made = self.value(bottom).convolved(&weight, Some(&bias), outputs, groups, window);
        self.set(name, made);
        let blobs = vec![(vec![outputs, per_group, height, width], weight), (vec![outputs], bias)];
        let (bottoms, tops) = (&[bottom], &[name]);
        let kind = "Convolution";
        self.layer(&Layer { kind, name, bottoms, tops, settings, blobs, ..Layer::default() });
    }

    /// In place.
    pub(crate) fn relu(&mut self, blob: &str) {
        let name = format!("relu/{blob}");
        let made = self.value(blob).map(|value| value.max(0.0));
        self.set(blob, made);
        let both = &[blob];
        let (kind, name) = ("ReLU", name.as_str());
        self.layer(&Layer { kind, name, bottoms: both, tops: both, ..Layer::default() });
    }

    /// In place.
    pub(crate) fn dropout(&mut self, blob: &str) {
        let name = format!("drop/{blob}");
        let both = &[blob];
        let settings = Message::new().float(1, 0.4);
        let (kind, name) = ("Dropout", name.as_str());
        self.layer(&Layer { kind, name, bottoms: both, tops: both, settings, ..Layer::default() });
    }

    pub(crate) fn pool(&mut self, name: &str, bottom: &str, is_max: bool, window: Window) {
        let made = self.value(bottom).pooled(is_max, window);
        self.set(name, made);
        let settings = Message::new().integer(1, i64::from(!is_max));
        let settings = match (window.kernel, window.stride, window.pad) {
            ([k, k1], [s, s1], [p, p1]) if (k, s, p) == (k1, s1, p1) => {
                settings.integers(2, &[k]).integers(3, &[s]).integers(4, &[p])
            }
            ([kh, kw], [sh, sw], [ph, pw]) => {
                let settings = settings.integers(5, &[kh]).integers(6, &[kw]);
                let settings = settings.integers(7, &[sh]).integers(8, &[sw]);
                settings.integers(9, &[ph]).integers(10, &[pw])
            }
        };
        let (kind, bottoms, tops) = ("Pooling", &[bottom], &[name]);
        self.layer(&Layer { kind, name, bottoms, tops, settings, ..Layer::default() });
    }

    /// With AlexNet's settings but a larger factor, so that it shows.
    pub(crate) fn lrn(&mut self, name: &str, bottom: &str) {
        let alpha = 0.2_f32;
        let made = self.value(bottom).response_normalized(5, f64::from(alpha), 0.75, 1.0);
        self.set(name, made);
        let settings = Message::new().integer(1, 5).float(2, alpha).float(3, 0.75);
        let (kind, bottoms, tops) = ("LRN", &[bottom], &[name]);
        self.layer(&Layer { kind, name, bottoms, tops, settings, ..Layer::default() });
    }

    pub(crate) fn inner_product(&mut self, name: &str, bottom: &str, outputs: usize) {
        let inputs: usize = self.value(bottom).shape[1..].iter().product();
        let weight = self.draw(outputs * inputs, (3.0 / inputs as f64).sqrt());
        let bias = self.draw(outputs, 0.1);
        let made = self.value(bottom).multiplied(&weight, Some(&bias), outputs);
        self.set(name, made);
        let settings = Message::new().integer(1, outputs as i64);
        let blobs = vec![(vec![outputs, inputs], weight), (vec![outputs], bias)];
        let (kind, bottoms, tops) = ("InnerProduct", &[bottom], &[name]);
        self.layer(&Layer { kind, name, bottoms, tops, settings, blobs, ..Layer::default() });
    }

    pub(crate) fn softmax(&mut self, name: &str, bottom: &str) {
        let made = self.value(bottom).softmax();
        self.set(name, made);
        let (kind, bottoms, tops) = ("Softmax", &[bottom], &[name]);
        self.layer(&Layer { kind, name, bottoms, tops, ..Layer::default() });
    }

    pub(crate) fn concat(&mut self, name: &str, bottoms: &[&str]) {
        let parts: Vec<&Image> = bottoms.iter().map(|bottom| self.value(bottom)).collect();
        let made = Image::concatenated(&parts);
        self.set(name, made);
        let (kind, tops) = ("Concat", &[name]);
        self.layer(&Layer { kind, name, bottoms, tops, ..Layer::default() });
    }

    /// One of the nine blocks of GoogLeNet: from `bottom` to `{name}/output`, with the outputs of
    /// 1x1, 3x3 reduced, 3x3, 5x5 reduced, 5x5, pooled.
    pub(crate) fn inception(&mut self, name: &str, bottom: &str, outputs: [usize; 6]) {
        let part = |part: &str| format!("{name}/{part}");
        let mut conv = |to: &str, from: &str, outputs, kernel: usize| {
            let to = part(to);
            self.conv(&to, from, outputs, 1, Window::square(kernel, 1, kernel / 2));
            self.relu(&to);
        };
        conv("1x1", bottom, outputs[0], 1);
        conv("3x3_reduce", bottom, outputs[1], 1);
        conv("3x3", &part("3x3_reduce"), outputs[2], 3);
        conv("5x5_reduce", bottom, outputs[3], 1);
        conv("5x5", &part("5x5_reduce"), outputs[4], 5);
        self.pool(&part("pool"), bottom, true, Window::square(3, 1, 1));
        let pooled = part("pool_proj");
        self.conv(&pooled, &part("pool"), outputs[5], 1, Window::square(1, 1, 0));
        self.relu(&pooled);
        let parts = ["1x1", "3x3", "5x5", "pool_proj"].map(part);
        self.concat(&part("output"), &parts.each_ref().map(String::as_str));
    }

    /// Sums of statistics with their divisor, in place.
    pub(crate) fn batch_norm(&mut self, name: &str, blob: &str, divisor: f32) {
        let channels = self.value(blob).shape[1];
        let mean = self.draw(channels, 0.5);
        let variance: Vec<f32> = self.draw(channels, 0.5).iter().map(|v| v + 1.0).collect();
        let epsilon = 1e-3_f32;
        let factor = if divisor == 0.0 { 0.0 } else { 1.0 / f64::from(divisor) };
        let each = |index: usize| {
            let deviation = (f64::from(variance[index]) * factor + f64::from(epsilon)).sqrt();
            (1.0 / deviation, -f64::from(mean[index]) * factor / deviation)
        };
        let (scale, offset): (Vec<f64>, Vec<f64>) = (0..channels).map(each).unzip();
        let made = self.value(blob).scaled(&scale, &offset);
        self.set(blob, made);
        let settings = Message::new().float(3, epsilon);
        let list = vec![channels];
        let blobs = vec![(list.clone(), mean), (list, variance), (vec![1], vec![divisor])];
        let both = &[blob];
        let (kind, bottoms, tops) = ("BatchNorm", both, both);
        self.layer(&Layer { kind, name, bottoms, tops, settings, blobs, ..Layer::default() });
    }

    /// In place, with an offset or without.
    pub(crate) fn scale(&mut self, name: &str, blob: &str, has_offset: bool) {
        let channels = self.value(blob).shape[1];
        let factor: Vec<f32> = self.draw(channels, 0.5).iter().map(|v| v + 1.0).collect();
        let offset = self.draw(channels, if has_offset { 0.5 } else { 0.0 });
        let wide = |list: &[f32]| list.iter().copied().map(f64::from).collect::<Vec<_>>();
        let made = self.value(blob).scaled(&wide(&factor), &wide(&offset));
        self.set(blob, made);
        let settings = Message::new().integer(4, i64::from(has_offset));
        let mut blobs = vec![(vec![channels], factor)];
        if has_offset {
            blobs.push((vec![channels], offset));
        }
        let both = &[blob];
        let (kind, bottoms, tops) = ("Scale", both, both);
        self.layer(&Layer { kind, name, bottoms, tops, settings, blobs, ..Layer::default() });
    }

    /// `operation`: 0 product, 1 sum, 2 largest.
    pub(crate) fn eltwise(
        &mut self,
        name: &str,
        bottoms: &[&str],
        operation: i64,
        coefficients: &[f32],
    ) {
        let parts: Vec<&Image> = bottoms.iter().map(|bottom| self.value(bottom)).collect();
        let shape = parts[0].shape;
        let made = Image::make(shape, |at| {
            let values = parts.iter().map(|part| part.at(at));
            match operation {
                0 => values.product(),
                1 => values
                    .enumerate()
                    .map(|(i, value)| value * coefficients.get(i).map_or(1.0, |&c| f64::from(c)))
                    .sum(),
                _ => values.fold(f64::MIN, f64::max),
            }
        });
        self.set(name, made);
        let settings = Message::new().integer(1, operation);
        let settings = coefficients.iter().fold(settings, |m, value| m.float(2, *value));
        let (kind, tops) = ("Eltwise", &[name]);
        self.layer(&Layer { kind, name, bottoms, tops, settings, ..Layer::default() });
    }
}
