package main

type eventsGroup struct {
	Archive eventsArchive `cmd:"" help:"Write days that are over to an archive of files."`
}
