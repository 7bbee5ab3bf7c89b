// Copyright 2024 Nobody.

//! Shop things.
//!
//! More.
#![allow(dead_code)]

use crate::net::tcp::{self as t, TcpStream};
pub use self::inner::Thing;
use std::{fs, io::{self, Read as _}, collections::*};

pub(crate) mod net;
#[path = "odd/place.rs"]
mod odd;
extern crate serde as s;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic]
    fn works() {
        assert_eq!(1, 1);
    }

    #[tokio::test]
    async fn later() {}

    fn make() {}
}

/// A point.
///
/// More.
#[derive(Debug, Clone)]
pub struct Point<T>
where
    T: Copy,
{
    /// Across.
    pub x: T,
    y: T, // not the documentation of Unit
}

pub struct Unit;
struct Pair(pub u8, i8);

pub enum Color {
    /// Like blood.
    Red,
    Green(u8),
}

pub trait Shape: Send {
    const CORNERS: usize;
    type Out;
    /// Area.
    fn area(&self) -> f64;
    fn name(&self) -> u8 {
        1
    }
}

impl<T: Copy> Shape for Point<T> {
    fn area(&self) -> f64 {
        unsafe { COUNT += 1 };
        panic!("x {}", 1)
    }
}

impl<T> Point<T> {
    /// New.
    pub fn new(x: T) -> Result<Self, Bad> {
        fs::remove_file("a").unwrap();
        let p = Point { x, y: x };
        tcp::connect::<u8>(x)?;
        Self::make();
        if x && y {
            return Err(Bad::New(1));
        }
        Ok(p)
    }

    async fn make() {
        match x {
            Some(_) => crate::util::rand::fast(),
            Err(e) => std::process::exit(1),
        }
    }
}

static mut COUNT: u32 = 0;
pub const MAX: usize = 3;
const _: () = ();
pub type R<T> = Result<T, Error>;

#[macro_export]
macro_rules! twice {
    ($x:expr) => {
        $x + $x
    };
}

extern "C" {
    fn c_abs(x: i32) -> i32;
}

cfg_rt! {
    pub mod runtime;

    /// Only with a runtime.
    pub fn hidden() {
        std::env::var("HOME");
    }
}

fn main() {
    println!("hi");
}
