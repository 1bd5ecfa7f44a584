//! Whole engines on stores in memory and in directories.

#[cfg(test)]
mod balance;
#[cfg(test)]
mod deletion;
#[cfg(test)]
mod ends;
#[cfg(test)]
mod failover;
#[cfg(test)]
mod fencing;
#[cfg(test)]
mod follow;
#[cfg(test)]
mod gate;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod idle;
#[cfg(test)]
mod membership;
#[cfg(test)]
mod records;
#[cfg(test)]
mod restart;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod segments;
#[cfg(test)]
mod slow;
#[cfg(test)]
mod stubborn_store;
#[cfg(test)]
mod support;
#[cfg(test)]
mod throughput;
#[cfg(test)]
mod transactions;
