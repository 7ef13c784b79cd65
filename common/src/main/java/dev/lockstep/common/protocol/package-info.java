/** The messages that cross JVMs. The one package of this module that knows Akka. */
package dev.lockstep.common.protocol;
