/** Judges what a self-test of GPUs finds. Knows neither Akka nor DJL. */
package dev.lockstep.coordinator.selftest;
