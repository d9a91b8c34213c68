#!/usr/bin/env node
// The language server's entry.
import './v8-tuning';
import { runProgram } from './code-cache';

runProgram('server-program.js');
