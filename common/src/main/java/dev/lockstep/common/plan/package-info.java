/** What a run is to measure: the plan, its vocabulary, and its expansion into measurements. Pure data, no Akka, no DJL. */
package dev.lockstep.common.plan;
