package rest

import (
	"net/http"

	"groupkit"
)

// A sharedFile is an entry of the list of shared files.
type sharedFile struct {
	ID      groupkit.FileID `json:"file_id"`
	Name    string          `json:"file_name"`
	Owner   groupkit.UserID `json:"file_owner"` // "" if the application uploaded it
	Size    int64           `json:"file_size"`
	Created int64           `json:"created"`
}

func (c *call) file() groupkit.FileID { return groupkit.FileID(c.r.PathValue("file")) }

// listFiles answers GET /chatgroups/{group}/share_files.
func listFiles(c *call) (answer, error) {
	files, err := c.reader().FilesPage(c.ctx, c.group(), c.pageParams(maxPage))
	if err != nil {
		return answer{}, err
	}
	out := make([]sharedFile, len(files))
	for i, f := range files {
		out[i] = sharedFile{ID: f.ID, Name: f.Name, Owner: f.Owner, Size: f.Size, Created: millis(f.Created)}
	}
	return counted(out), nil
}

// uploadFile answers POST /chatgroups/{group}/share_files. The file goes to the engine as it comes.
func uploadFile(c *call) (answer, error) {
	a, err := c.writer()
	if err != nil {
		return answer{}, err
	}
	part, err := c.uploadBody().findFile()
	if err != nil {
		return answer{}, err
	}
	f, err := a.UploadFile(c.ctx, c.group(), lastPart(part.name), part)
	return answer{data: struct {
		URL     string           `json:"file_url"`
		Group   groupkit.GroupID `json:"group_id"`
		Name    string           `json:"file_name"` // as it was sent, with folders
		Created int64            `json:"created"`
		ID      groupkit.FileID  `json:"file_id"`
		Size    int64            `json:"file_size"`
	}{c.base() + c.at.path + "/" + string(f.ID), c.group(), part.name, millis(f.Created), f.ID, f.Size}}, err
}

// deleteFile answers DELETE /chatgroups/{group}/share_files/{file}.
func deleteFile(c *call) (answer, error) {
	a, err := c.writer()
	if err == nil {
		err = a.DeleteFile(c.ctx, c.group(), c.file())
	}
	return answer{data: struct {
		Group  groupkit.GroupID `json:"group_id"`
		ID     groupkit.FileID  `json:"file_id"`
		Result bool             `json:"result"`
	}{c.group(), c.file(), true}}, err
}

// downloadFile answers GET /chatgroups/{group}/share_files/{file} with the content, or a range of
// it. Whatever the file is, browsers save it and show nothing of it.
func downloadFile(c *call) (answer, error) {
	f, content, err := c.reader().OpenFile(c.ctx, c.group(), c.file())
	if err != nil {
		return answer{}, err
	}
	defer content.Close()
	header := c.w.Header()
	header.Set("Content-Type", "application/octet-stream")
	header.Set("Content-Disposition", attachment(f.Name))
	header.Set("Content-Security-Policy", "sandbox")
	header.Set("ETag", fileTag(&f))
	w, lift := c.downloadWriter()
	defer lift()
	http.ServeContent(w, c.asked, "", f.Created, &downloaded{content, c})
	return answer{sent: true}, nil
}
