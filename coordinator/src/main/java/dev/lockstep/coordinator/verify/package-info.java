/** The proof that replicas compute the right thing: which traces to take and how they must agree. Knows neither Akka nor DJL. */
package dev.lockstep.coordinator.verify;
